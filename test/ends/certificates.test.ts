/** A certificate that is renewed while the listener serves: new connections get it, standing ones go on. */
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { TLSSocket } from 'node:tls';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import type { Listener } from '../../native-free/listener/types.js';
import { makeCertificate } from '../transport/certificate.js';
import { BASE_OPTIONS, connectTo, EchoHandler, LISTENERS, messageOf } from '../transport/listeners.js';

const WAIT = { timeout: 100_000 };

let listener: Listener | undefined;
afterEach(async () => {
  await listener?.close();
});

async function fingerprint(port: number): Promise<string> {
  const socket: TLSSocket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}

describe.each(LISTENERS)('over %s', (_kind, start) => {
  it('a renewed certificate is used, a broken one is told of', async () => {
    const dir = mkdtempSync(`${tmpdir()}/ringmq-certificates-`);
    const tls = makeCertificate(dir);
    const warnings: string[] = [];
    listener = await start({
      ...BASE_OPTIONS,
      tls,
      certificateLookMs: 20,
      onWarning: (message) => warnings.push(message),
      accept: (socket) => new EchoHandler(socket),
    });
    const { port } = listener;
    const standing = await connectTo(listener, { scheme: 'wss' });
    const first = await fingerprint(port);
    for (let round = 0; round < 3; round++) {
      const before = await fingerprint(port);
      makeCertificate(dir);
      await expect.poll(() => fingerprint(port), WAIT).not.toBe(before);
    }
    // Told to read again what has not changed it goes on as before: each look could end somebody otherwise.
    const others = [];
    for (let round = 0; round < 12; round++) {
      others.push(await connectTo(listener, { scheme: 'wss' }));
      listener.renewCertificates();
    }
    expect(listener.connections).toBe(13);
    for (const other of others) {
      other.terminate();
    }
    await expect.poll(() => listener?.connections, WAIT).toBe(1);
    // Of a new pair the certificate comes first: until the key is there, too, the old pair is shown.
    const whole = await fingerprint(port);
    const next = makeCertificate(mkdtempSync(`${dir}/next-`));
    expect(warnings).toEqual([]);
    copyFileSync(next.certFile, tls.certFile);
    await expect.poll(() => warnings, WAIT).toHaveLength(1);
    expect(await Promise.all(Array.from({ length: 20 }, () => fingerprint(port)))).toEqual(
      Array.from({ length: 20 }, () => whole),
    );
    copyFileSync(next.keyFile, tls.keyFile);
    await expect.poll(() => fingerprint(port), WAIT).not.toBe(whole);
    expect(warnings.splice(0)).toEqual([
      expect.stringMatching(/^the new TLS certificate or key cannot be used, the old ones are used on: /),
    ]);
    const renewed = await fingerprint(port);
    expect(renewed).not.toBe(first);
    writeFileSync(tls.certFile, 'no certificate');
    await expect
      .poll(() => warnings, WAIT)
      .toContainEqual(
        expect.stringMatching(/^the new TLS certificate or key cannot be used, the old ones are used on: /),
      );
    expect(await fingerprint(port)).toBe(renewed);
    standing.send('x'.repeat(10), { binary: true });
    expect((await messageOf(standing)).toString()).toBe('x'.repeat(10));
    expect(listener.connections).toBe(1);
    standing.terminate();
    rmSync(dir, { recursive: true, force: true });
  });
});
