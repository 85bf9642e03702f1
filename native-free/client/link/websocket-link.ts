/** A link over a WebSocket. */
import { openWebSocket } from '#client-platform';
import { RingMQError } from '../../wire/index.js';
import type { LinkFactory } from '../types.js';

/** Makes links to `url` (`ws:` or `wss:`; a path is kept). Throws `BAD_ARGUMENT` for anything else. */
export function webSocketLinks(url: string | URL): LinkFactory {
  const text = String(url);
  const parsed = URL.canParse(text) ? new URL(text) : undefined;
  if (parsed === undefined || (parsed.protocol !== 'ws:' && parsed.protocol !== 'wss:')) {
    throw new RingMQError('BAD_ARGUMENT', `not a ws:// or wss:// address: ${text}`, {
      details: { url: text },
    });
  }
  return (signal) => openWebSocket(parsed.href, signal);
}
