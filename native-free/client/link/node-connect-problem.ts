/** Why a WebSocket could not be opened under Node, in words that say what to do, and whether trying again is of any use. */
import type { IncomingMessage } from 'node:http';
import { connect as connectTls } from 'node:tls';
import { type ErrorCode, errorCodeOfName, RingMQError } from '../../wire/index.js';
import { hopeless } from '../failures.js';

/** As much as is read of an answer that is no WebSocket. */
const MAX_ANSWER_BYTES = 4096;
/** For a look whether TLS is spoken. */
const PROBE_MS = 2_000;
/** HTTP answers of proxies whose broker is away. */
const AWAY: ReadonlySet<number> = new Set([429, 502, 503, 504]);
/** What Node says of a certificate it does not accept. */
const CERTIFICATE =
  /^(CERT_|CRL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_CERT|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH)/;

/** The error of an answer that is no upgrade. Brokers say why: a code, a colon, what happened. */
export async function refusedUpgrade(url: string, answer: IncomingMessage): Promise<RingMQError> {
  const status = answer.statusCode ?? 0;
  const text = await bodyOf(answer);
  const [, code, message] = /^([A-Z_]+): ([^\n]*)/.exec(text) ?? [];
  if (code !== undefined && errorCodeOfName(code) === code) {
    return new RingMQError(code as ErrorCode, message, { details: { url, status } });
  }
  if (status === 401) {
    return new RingMQError('NOT_AUTHENTICATED', undefined, { details: { url, status } });
  }
  const problem = new RingMQError(
    'CONNECT_FAILED',
    AWAY.has(status)
      ? `what answers at ${url} has no broker behind it now (HTTP ${status})`
      : `what answers at ${url} is no RingMQ broker, or not at this path (HTTP ${status})`,
    { details: { url, status } },
  );
  return AWAY.has(status) ? problem : hopeless(problem);
}

function bodyOf(answer: IncomingMessage): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const end = () => {
      answer.destroy();
      resolve(text);
    };
    answer.setEncoding('latin1');
    answer.on('data', (part: string) => {
      text += part;
      if (text.length > MAX_ANSWER_BYTES) {
        end();
      }
    });
    answer.on('end', end);
    answer.on('error', end);
    answer.on('close', end);
  });
}

/** The error of a socket that could not be opened. */
export async function connectProblem(url: string, error: unknown): Promise<unknown> {
  const { code = '', message = '' } = error as { code?: string; message?: string };
  const { protocol, host } = new URL(url);
  const certificate = certificateProblem(url, error);
  if (certificate !== null) {
    return certificate;
  }
  if (protocol === 'wss:' && /wrong version number|packet length too long|unknown protocol/i.test(message)) {
    return refuse(`no TLS is spoken at ${host}; without it the address is ws://${host}`, url, error);
  }
  if (protocol === 'wss:' && (code === 'EPROTO' || code.startsWith('ERR_SSL_'))) {
    return refuse(`TLS with ${host} failed: ${message.trim()}`, url, error);
  }
  if (code.startsWith('HPE_') || /Sec-WebSocket|subprotocol|Upgrade header/i.test(message)) {
    return refuse(`what answers at ${host} is no RingMQ broker: ${message}`, url, error);
  }
  if (protocol === 'ws:' && code === 'ECONNRESET' && (await speaksTls(url))) {
    return refuse(`TLS is spoken at ${host}: the address is wss://${host}`, url, error);
  }
  return error;
}

/** The certificate is not accepted, or the client's was not; null: it is something else. */
export function certificateProblem(url: string, error: unknown): RingMQError | null {
  const { code = '', message = '' } = error as { code?: string; message?: string };
  const { host } = new URL(url);
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return refuse(
      `the certificate of ${host} is not accepted: it is for another name (see tls: { servername }, --servername, --link-servername): ${message.trim()}`,
      url,
      error,
    );
  }
  if (CERTIFICATE.test(code)) {
    return refuse(
      `the certificate of ${host} is not accepted (see tls: { ca, servername }, --ca, --link-ca): ${message.trim()}`,
      url,
      error,
    );
  }
  if (
    /ALERT_(CERTIFICATE_REQUIRED|UNKNOWN_CA|BAD_CERTIFICATE|HANDSHAKE_FAILURE)|alert certificate required|alert unknown ca|alert bad certificate/i.test(
      `${code} ${message}`,
    )
  ) {
    return refuse(
      `${host} wants a certificate of the client that it trusts (see tls: { cert, key }, --cert, --link-cert): ${message.trim()}`,
      url,
      error,
    );
  }
  return null;
}

function refuse(message: string, url: string, cause: unknown): RingMQError {
  return hopeless(new RingMQError('CONNECT_FAILED', message, { cause, details: { url } }));
}

function speaksTls(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve) => {
    const socket = connectTls({ host, port: port === '' ? 80 : Number(port), rejectUnauthorized: false });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(PROBE_MS, () => end(false));
    socket.once('secureConnect', () => end(true));
    socket.on('error', () => end(false));
    socket.once('close', () => resolve(false));
  });
}
