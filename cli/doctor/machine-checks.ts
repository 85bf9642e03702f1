/** The process's limits, the memory, the port, the certificate. */

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { statSync } from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import { memoryThere, neededBytes } from '../../broker/memory-need.js';
import { readSecrets } from '../../broker/secret-file.js';
import { resolveEngineOptions } from '../../engine/options.js';
import { MAX_PEM_BYTES, readSmallFile } from '../../native-free/files/small-file.js';
import { connectionsPossible } from '../../native-free/listener/descriptors.js';
import { type Finding, fail, ok, warn } from './finding.js';

const MIB = 1024 * 1024;
const DAY_MS = 86_400_000;
const FEW_CONNECTIONS = 4_000;
const RENEW_DAYS = 30;
const OTHERS_READ = 0o004;

export function runtime(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const says = `Node ${process.versions.node}, ${availableParallelism()} cores`;
  if (major < 20 || (major === 20 && minor < 19)) {
    return fail('node', says, 'update to Node 20.19 or later');
  }
  return availableParallelism() < 2
    ? warn('node', says, 'a broker has threads for listening, writing and syncing: give it two cores')
    : ok('node', says);
}

export function memory(): Finding {
  const needed = neededBytes(resolveEngineOptions({ dataDir: '.' }), 1);
  const { limitBytes, availableBytes } = memoryThere();
  const says = `${mib(availableBytes)} of ${mib(limitBytes)} are there, and with default options a broker comes to use ${mib(needed)}`;
  return availableBytes < needed
    ? fail('memory', says, 'lower --ring-size and --memory-ring-size, or give it more')
    : ok('memory', says);
}

export function descriptors(): Finding {
  const possible = connectionsPossible();
  if (possible === null) {
    return ok('descriptors', 'their limit is not known here');
  }
  const says = `${possible.limit} files may be open, which is enough for ${possible.count} connections`;
  return possible.count < FEW_CONNECTIONS
    ? warn('descriptors', says, 'raise the limit (ulimit -n 65536, LimitNOFILE=65536)')
    : ok('descriptors', says);
}

/** Whether the port can be had. */
export async function port(host: string, number: number): Promise<Finding> {
  const server = createServer();
  const code = await new Promise<string | null>((settle) => {
    server.once('error', (error: NodeJS.ErrnoException) => settle(error.code ?? error.message));
    server.listen(number, host, () => settle(null));
  });
  await new Promise((closed) => server.close(closed));
  const where = `${host}:${number}`;
  switch (code) {
    case null:
      return ok('port', `${where} is free`);
    case 'EADDRINUSE':
      return warn(
        'port',
        `somebody listens on ${where}`,
        'that may be the broker itself; else name another with --listen',
      );
    case 'EACCES':
      return fail('port', `${where} needs rights that this user has not`, 'take one above 1023');
    default:
      return fail(
        'port',
        `${where} cannot be listened on (${code})`,
        'name an address of this machine with --listen',
      );
  }
}

/** `keyFile`: the key that it is to go with. */
export function certificate(file: string, keyFile: string | undefined): Finding {
  let shown: X509Certificate;
  try {
    const cert = readSmallFile(file, MAX_PEM_BYTES);
    shown = new X509Certificate(cert);
    if (
      keyFile !== undefined &&
      !shown.checkPrivateKey(createPrivateKey(readSmallFile(keyFile, MAX_PEM_BYTES)))
    ) {
      return fail('tls', `${keyFile} is not the key of ${file}`, 'name the two that were made together');
    }
  } catch (error) {
    return fail(
      'tls',
      `${file}: ${error instanceof Error ? error.message : String(error)}`,
      keyFile === undefined ? 'name a certificate in PEM form' : 'name a certificate and its key in PEM form',
    );
  }
  const from = Date.parse(shown.validFrom);
  const to = Date.parse(shown.validTo);
  const days = Math.floor((to - Date.now()) / DAY_MS);
  const says = `${shown.subjectAltName ?? shown.subject.replaceAll('\n', ', ')}, until ${new Date(to).toISOString()}`;
  if (Date.now() < from) {
    return fail(
      'tls',
      `${says}: not valid before ${new Date(from).toISOString()}`,
      "set this machine's clock, or give the broker one that is valid by now",
    );
  }
  if (days < 0) {
    return fail('tls', `${says}: expired`, 'give the broker a new certificate');
  }
  return days < RENEW_DAYS
    ? warn('tls', `${says}: ${days} days`, 'renew it; the broker takes a new file without a restart')
    : ok('tls', says);
}

/** Who may read it is looked at where there are such permissions. */
export function secretFile(file: string): Finding {
  let count: number;
  try {
    count = readSecrets(file).length;
  } catch (error) {
    return fail(
      'secret',
      error instanceof Error ? error.message : String(error),
      'make one with `head -c 32 /dev/urandom | base64`',
    );
  }
  const says =
    count === 1 ? `${file} has one secret` : `${file} has two: the first is proved, both are taken`;
  const mode = statSync(file).mode & 0o777;
  return process.platform !== 'win32' && (mode & OTHERS_READ) !== 0
    ? warn(
        'secret',
        `${says}, and everybody on this machine who comes to it may read it (mode ${mode.toString(8)})`,
        'chmod 600, unless its folder keeps others out',
      )
    : ok('secret', says);
}

function mib(bytes: number): string {
  return `${Math.floor(bytes / MIB).toLocaleString('en')} MiB`;
}
