/** An authority of certificates, made by openssl for a test, and certificates that it has issued. All are files of a folder. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface IssuedFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

export class Authority {
  readonly caFile: string;
  readonly #keyFile: string;
  readonly #dir: string;
  readonly #name: string;
  #issued = 0;

  constructor(dir: string, name = 'authority') {
    this.#dir = dir;
    this.#name = name;
    this.caFile = join(dir, `${name}.pem`);
    this.#keyFile = join(dir, `${name}-key.pem`);
    openssl(
      'req',
      '-x509',
      ...NEW_KEY,
      '-keyout',
      this.#keyFile,
      '-days',
      '2',
      '-subj',
      `/CN=${name}`,
      '-out',
      this.caFile,
    );
  }

  /** `names`: like `DNS:localhost,IP:127.0.0.1`. */
  issue(commonName: string, names: string | null = null): IssuedFiles {
    const file = join(this.#dir, `${this.#name}-${this.#issued++}`);
    const [certFile, keyFile, request] = [`${file}.crt`, `${file}.key`, `${file}.csr`];
    openssl('req', '-new', ...NEW_KEY, '-keyout', keyFile, '-subj', `/CN=${commonName}`, '-out', request);
    const extensions = `${file}.ext`;
    writeFileSync(extensions, names === null ? '' : `subjectAltName=${names}\n`);
    openssl(
      'x509',
      '-req',
      '-in',
      request,
      '-CA',
      this.caFile,
      '-CAkey',
      this.#keyFile,
      '-CAcreateserial',
      '-days',
      '2',
      '-extfile',
      extensions,
      '-out',
      certFile,
    );
    return { certFile, keyFile };
  }
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: 'ignore' });
}
