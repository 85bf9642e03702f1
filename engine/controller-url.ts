/** How a controller is named. */

/** `etcd://host:port[,host:port…]`, or `etcds://` for TLS. Null if it is not that. */
export function parseController(text: string): { endpoints: string[]; tls: boolean } | null {
  const match = /^(etcds?):\/\/(.+)$/.exec(text);
  if (match === null) {
    return null;
  }
  const endpoints = (match[2] as string).split(',').map((part) => part.replace(/^etcds?:\/\//, ''));
  const isGood = endpoints.every((part) => /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):\d{1,5}$/.test(part));
  return isGood && endpoints.length <= 16 ? { endpoints, tls: match[1] === 'etcds' } : null;
}
