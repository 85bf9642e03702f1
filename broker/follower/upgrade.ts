/** The request that makes a connection to a master a WebSocket, and the answer to it. */
import { createHash, randomBytes } from 'node:crypto';

/** What RFC 6455 has the server append to the key. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
/** More headers than this are no answer of a broker. */
export const MAX_ANSWER_BYTES = 16 * 1024;

export interface Upgrade {
  readonly request: string;
  /** What is wrong with the answer, `head` up to its empty line; null: it is a WebSocket from here on. `body`: what has come behind it. */
  faultOf(head: string, body: string): string | null;
}

/** Of a refusal's text. */
const MAX_REASON_CHARACTERS = 200;

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
    faultOf: (head, body) => faultOf(head, body, accept, subprotocol),
  };
}

/** A broker's own refusals begin with their code; what anybody else says is a page. */
function reasonIn(body: string): string {
  const reason = /^[A-Z_]{3,40}: [ -~]+/.exec(body.slice(0, MAX_REASON_CHARACTERS))?.[0];
  return `, ${reason ?? 'as no RingMQ broker gives: is it the address of one?'}`;
}

/** Whether all of a refusal's text has come, which says more than its status. */
export function isWhole(head: string, body: string): boolean {
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? '0';
  return /^HTTP\/1\.1 101/.test(head) || body.length >= Math.min(MAX_REASON_CHARACTERS, Number(length));
}

function faultOf(head: string, body: string, accept: string, subprotocol: string): string | null {
  const [status = '', ...lines] = head.split('\r\n');
  const code = /^HTTP\/1\.1 (\d{3})(?: |$)/.exec(status)?.[1];
  if (code !== '101') {
    return code === undefined
      ? 'no answer of a web server came'
      : `the answer was HTTP status ${code}${reasonIn(body)}`;
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
