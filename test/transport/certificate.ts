import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** A key and a certificate for it, for the host name `localhost`, as files of `dir`. */
export function makeCertificate(dir: string): { certFile: string; keyFile: string } {
  const files = { certFile: join(dir, 'cert.pem'), keyFile: join(dir, 'key.pem') };
  const key = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-keyout',
    files.keyFile,
  ];
  execFileSync(
    'openssl',
    ['req', '-x509', ...key, '-days', '1', '-subj', '/CN=localhost', '-out', files.certFile],
    {
      stdio: 'ignore',
    },
  );
  return files;
}
