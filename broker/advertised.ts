/** Where name servers and the controller are told that a broker is. */
import type { EngineOptions } from '../engine/options.js';
import { RingMQError } from '../native-free/wire/index.js';

/** Throws BAD_CONFIG where name servers, or the controller, would be told an address that nobody can use. */
export function checkAdvertised(
  {
    nameServers,
    advertiseUrl,
    controller,
  }: Pick<EngineOptions, 'nameServers' | 'advertiseUrl' | 'controller'>,
  host: string,
): void {
  const isTold = (nameServers ?? []).length > 0 || controller !== undefined;
  if (isTold && advertiseUrl === undefined && isAnyAddress(host)) {
    throw new RingMQError(
      'BAD_CONFIG',
      `${host} is an address to listen on, not one to connect to: say with \`advertiseUrl\` where this broker is reached`,
      { details: { host } },
    );
  }
}

/** `0.0.0.0`, `::`, and the other ways to write them. */
function isAnyAddress(host: string): boolean {
  const url = `ws://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}`;
  return URL.canParse(url) && ['0.0.0.0', '[::]'].includes(new URL(url).hostname);
}
