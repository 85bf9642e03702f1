/** Hosts that only this machine reaches. */
const LOOPBACK = /^(127(\.\d{1,3}){3}|localhost|::1|\[::1\])$/i;

/** Whether a host, as written in an option or a URL, is this machine alone. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}
