/** Addresses of brokers and name servers, as they are told to others, who connect to them as they are. */

/**
 * `ws://10.0.0.1:9876`, `wss://[::1]:9876/`: scheme and host, and a port that can be connected to where there
 * is one; no user, path or query.
 */
export function isAddress(text: string): boolean {
  return /^wss?:\/\/[^\s,/?#@]+\/?$/.test(text) && URL.canParse(text) && new URL(text).port !== '0';
}
