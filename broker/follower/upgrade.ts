/** The request that makes a connection to a master a WebSocket, and the answer to it. */
import { createHash, randomBytes } from 'node:crypto';

/** What RFC 6455 has the server append to the key. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
/** More headers than this are no answer of a broker. */
export const MAX_ANSWER_BYTES = 16 * 1024;

export interface Upgrade {
  readonly request: string;
  /** What is wrong with the answer, which ends with its empty line; null: it is a WebSocket from here on. */
  faultOf(answer: string): string | null;
}

export function upgradeOf(url: URL, subprotocol: string): Upgrade {
  const key = randomBytes(16).toString('base64');
  const request = [
    `GET ${url.pathname}${url.search} HTTP/1.1`,
    `Host: ${url.host}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${key}`,
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Protocol: ${subprotocol}`,
  ];
  const accept = createHash('sha1')
    .update(key + GUID)
    .digest('base64');
  return {
    request: `${request.join('\r\n')}\r\n\r\n`,
    faultOf: (answer) => faultOf(answer, accept, subprotocol),
  };
}

function faultOf(answer: string, accept: string, subprotocol: string): string | null {
  const [status = '', ...lines] = answer.split('\r\n');
  const code = /^HTTP\/1\.1 (\d{3})(?: |$)/.exec(status)?.[1];
  if (code !== '101') {
    return code === undefined ? 'no answer of a web server came' : `the answer was HTTP status ${code}`;
  }
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon > 0) {
      headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
    }
  }
  if (
    headers.get('upgrade')?.toLowerCase() !== 'websocket' ||
    headers.get('sec-websocket-accept') !== accept
  ) {
    return 'the answer makes no WebSocket of the connection';
  }
  if (headers.get('sec-websocket-protocol') !== subprotocol) {
    return `${subprotocol} is not spoken there`;
  }
  return headers.has('sec-websocket-extensions') ? 'an extension that was not asked for' : null;
}
