/** What is said of a certificate that no client takes today: by the listener that shows it, and by `ringmq doctor` before. */
import { chmodSync, copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, describe, expect, it } from 'vitest';
import { certificate, secretFile } from '../../cli/doctor/machine-checks.js';
import { CertificateDates } from '../../native-free/listener/certificate-dates.js';
import { CertificateWatch } from '../../native-free/listener/certificate-watch.js';
import { makeCertificate } from './certificate.js';

/** Of `localhost`, from 2026-01-01 to 2026-06-01. */
const EXPIRED = `-----BEGIN CERTIFICATE-----
MIIBbDCCARKgAwIBAgIBATAKBggqhkjOPQQDAjANMQswCQYDVQQDDAJjYTAeFw0y
NjAxMDEwMDAwMDBaFw0yNjA2MDEwMDAwMDBaMBIxEDAOBgNVBAMMB2V4cGlyZWQw
WTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAR3EN6DQAPEp04TmEa0WqLbBsZUefuA
IA60dhISklrUiEkinbOBU8xjNFxeN5bM3C/eaBeDnLT8vajM+QzWlK3ro14wXDAa
BgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwHQYDVR0OBBYEFFu1zBh1RUqAdHM5
WlNYxkdEMFXyMB8GA1UdIwQYMBaAFMCoFZ1yfgU8GRJy4h4Q48NNwfiLMAoGCCqG
SM49BAMCA0gAMEUCIQDl594dhSK+plZ3xM50cMZNA4mEZQoYCo9JeUpL5fugPgIg
dwVKG7m4cL1KKNU+Ze7PBJYRKc6cA4LpBPcHlT3+mVg=
-----END CERTIFICATE-----
`;

const dir = mkdtempSync(`${tmpdir()}/ringmq-certificate-`);
const certFile = `${dir}/expired.pem`;
writeFileSync(certFile, EXPIRED);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

it.each([
  ['2025-12-31', 'is not valid before 2026-01-01T00:00:00.000Z'],
  ['2026-01-02', null],
  ['2026-05-20', null],
  ['2026-05-28', 'expires at 2026-06-01T00:00:00.000Z'],
  ['2026-06-02', 'has expired at 2026-06-01T00:00:00.000Z'],
])('on %s', (day, trouble) => {
  expect(new CertificateDates(EXPIRED).troubleAt(Date.parse(day))).toBe(trouble);
});

it('a listener tells once of one that is shown, and not when the next one is fine', async () => {
  const troubles: string[] = [];
  const watch = new CertificateWatch(
    { certFile, keyFile: `${dir}/key.pem` },
    { onRenewed: () => {}, onTrouble: (message) => troubles.push(message) },
    1,
  );
  await expect.poll(() => troubles, { timeout: 60_000 }).toHaveLength(1);
  expect(troubles[0]).toContain(`${certFile} has expired at 2026-06-01T00:00:00.000Z: clients refuse it`);
  const fresh = makeCertificate(dir);
  copyFileSync(fresh.certFile, certFile);
  watch.look();
  watch.stop();
  expect(troubles).toHaveLength(1);
});

describe('ringmq doctor', () => {
  it('says what is wrong with it', () => {
    writeFileSync(certFile, EXPIRED);
    expect(certificate(certFile, undefined)).toMatchObject({
      status: 'fail',
      says: expect.stringMatching(/expired$/),
    });
  });

  it("says what the file of a cluster's secret has, and who may read it", () => {
    const file = `${dir}/secret`;
    writeFileSync(file, 'a secret of some length\n', { mode: 0o600 });
    expect(secretFile(file)).toMatchObject({ status: 'ok', says: `${file} has one secret` });
    writeFileSync(file, 'short\n');
    expect(secretFile(file)).toMatchObject({ status: 'fail', says: expect.stringContaining('has 5 bytes') });
    writeFileSync(file, 'a secret of some length\nand another, as long\n');
    chmodSync(file, 0o644);
    expect(secretFile(file)).toMatchObject({
      status: process.platform === 'win32' ? 'ok' : 'warn',
      says: expect.stringContaining('has two: the first is proved'),
    });
  });

  it('says that a key is not of the certificate', () => {
    const { certFile: fine, keyFile } = makeCertificate(dir);
    expect(certificate(fine, keyFile).says).toContain('until');
    expect(certificate(certFile, keyFile)).toMatchObject({
      status: 'fail',
      says: expect.stringContaining('is not the key of'),
    });
  });
});
