/** Heads that two readers of HTTP may understand in two ways: nothing that lies in a body, or behind it, is a request of its own. */
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { LISTENERS } from '../conformance/back-ends.js';
import { type ApiRig, sharedApi } from './api-rig.js';

const BODY = '{"body":"x"}';
const HIDDEN = 'DELETE /api/v1/topics/t HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';
const CHUNKED = `c\r\n${BODY}\r\n0\r\n\r\n`;

/** All that comes until the connection ends. Whoever waits for more of it is not waited for longer than `patienceMs`. */
function told({ listener }: ApiRig, text: string, patienceMs = 3_000): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(listener.port, '127.0.0.1', () => {
      socket.write(Buffer.from(text, 'latin1'));
    });
    const timer = setTimeout(() => socket.destroy(), patienceMs);
    let got = '';
    socket.on('data', (bytes) => {
      got += bytes.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(got);
    });
  });
}

const post = (headers: string, body: string): string =>
  `POST /api/v1/topics/t/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n${headers}\r\n${body}`;

/** Not one of these is stored. */
const REFUSED: Record<string, string> = {
  'a length and chunks': post('Content-Length: 12\r\nTransfer-Encoding: chunked\r\n', `0\r\n\r\n${HIDDEN}`),
  'chunks and a length': post('Transfer-Encoding: chunked\r\nContent-Length: 4\r\n', CHUNKED + HIDDEN),
  'two lengths': post('Content-Length: 12\r\nContent-Length: 0\r\n', BODY + HIDDEN),
  'a list of lengths': post('Content-Length: 12, 12\r\n', BODY),
  'a length with a sign': post('Content-Length: +12\r\n', BODY),
  'a negative length': post('Content-Length: -1\r\n', BODY),
  'a length in other digits': post('Content-Length: 0xc\r\n', BODY),
  'a length beyond all numbers': post('Content-Length: 99999999999999999999\r\n', BODY),
  'a blank before the colon': post('Content-Length : 12\r\n', BODY + HIDDEN),
  'a folded header': post('Content-Length:\r\n 12\r\n', BODY + HIDDEN),
  'a coding that is none': post('Transfer-Encoding: xchunked\r\n', CHUNKED),
  'a coding before chunks': post('Transfer-Encoding: gzip, chunked\r\n', CHUNKED),
  'a coding behind chunks': post('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n', CHUNKED),
  'a coding with a control character': post(
    'Transfer-Encoding: \x0bchunked\r\nContent-Length: 12\r\n',
    BODY + HIDDEN,
  ),
  'a coded content': post('Content-Encoding: gzip\r\nContent-Length: 12\r\n', BODY),
  'a chunk of a negative size': post('Transfer-Encoding: chunked\r\n', `-c\r\n${BODY}\r\n0\r\n\r\n`),
  'a chunk beyond all numbers': post(
    'Transfer-Encoding: chunked\r\n',
    `ffffffffffffffffc\r\n${BODY}\r\n0\r\n\r\n`,
  ),
  'two hosts': post('Host: evil.example\r\nContent-Length: 12\r\n', BODY),
  'a host with a user': `GET /api/v1/topics HTTP/1.1\r\nHost: 127.0.0.1@evil.example\r\n\r\n${HIDDEN}`,
  'another host in the first line': `GET http://evil.example/api/v1/topics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`,
  'a NUL': 'GET /api/v1/topics HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\0b\r\n\r\n',
  'no host': 'GET /api/v1/topics HTTP/1.1\r\n\r\n',
};

describe.each(LISTENERS)('odd heads over %s', (listener) => {
  it('are refused, or end the connection, and nothing of them is done', async () => {
    const rig = await sharedApi({ listener, threads: 1 });
    await rig.ask('POST', '/topics', { body: { topic: 't', queues: 1, memory: false } });
    await Promise.all(
      Object.entries(REFUSED).map(async ([name, text]) => {
        const got = await told(rig, text);
        expect(got, name).not.toMatch(/HTTP\/1\.1 2/);
      }),
    );
    expect((await rig.ask('GET', '/topics/t')).json).toMatchObject({ queueStates: [{ maxOffset: 0 }] });
  });

  it('one request is answered, whatever follows it', async () => {
    const rig = await sharedApi({ listener, threads: 1 });
    await rig.ask('POST', '/topics', { body: { topic: 't', queues: 1, memory: false } });
    const get = 'GET /api/v1/topics HTTP/1.1\r\nHost: 127.0.0.1\r\n';
    for (const text of [
      `${get}\r\n${HIDDEN}`,
      `${get}Content-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`,
      post('Content-Length: 12\r\n', BODY + HIDDEN),
    ]) {
      const got = await told(rig, text);
      expect(got.match(/HTTP\/1\.1 \d+/g)?.length ?? 0, got).toBeLessThanOrEqual(1);
      expect((await rig.ask('GET', '/topics/t')).status, text).toBe(200);
    }
  });

  it('an answer to HEAD has no body', async () => {
    const rig = await sharedApi({ listener, threads: 1 });
    for (const path of [
      '/api/v1/topics',
      '/api/v1/nothing',
      '/api/v1/openapi.json',
      '/healthz',
      '/nothing',
    ]) {
      const got = await told(rig, `HEAD ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`, 60_000);
      expect(got, path).toMatch(/^HTTP\/1\.1 \d+/);
      expect(got.slice(got.indexOf('\r\n\r\n') + 4), path).toBe('');
    }
  });
});
