/** What is named as the file of a password, a token, a secret or a certificate may be anything: reading it ends, and says what is wrong. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { readPassword } from '../../broker/first-administrator.js';
import { linkTlsTo } from '../../broker/link-tls.js';
import { readSecrets } from '../../broker/secret-file.js';
import { passwordIn } from '../../cli/credentials.js';
import { FileKeys } from '../../engine/access/token-keys.js';
import { EtcdAccess } from '../../engine/cluster/etcd/etcd-access.js';
import { readSmallFile } from '../../native-free/files/small-file.js';
import { readPem } from '../../native-free/listener/listen-errors.js';
import { makeDirectory, removeDirectory } from '../faults/small-broker.js';

const directory = makeDirectory();
afterAll(() => removeDirectory(directory));

const READERS: [string, (path: string) => unknown][] = [
  ["a user's password", passwordIn],
  ["the administrator's password", readPassword],
  ["a cluster's secret", readSecrets],
  ['a certificate of a listener', readPem],
  ['an authority of links', (caFile) => linkTlsTo('wss://a', { caFile })],
  ["an issuer's keys", (path) => new FileKeys(path)],
  ["etcd's user", (userFile) => new EtcdAccess({ userFile }, false)],
];

describe.each(READERS)('%s', (_what, read) => {
  it('is not looked for in a folder', () => {
    mkdirSync(`${directory}/folder`, { recursive: true });
    expect(() => read(`${directory}/folder`)).toThrow(/folder.* it is a directory/);
  });

  it.runIf(process.platform === 'linux')('is not what a device says without end', () => {
    expect(() => read('/dev/zero')).toThrow(/\/dev\/zero.* it has more than \d+ bytes/);
  });
});

describe.runIf(process.platform === 'linux')('a pipe', () => {
  const pipe = `${directory}/pipe`;
  execFileSync('mkfifo', [pipe]);

  it('that nobody writes to is empty', () => {
    expect(() => passwordIn(pipe)).toThrow(/one line/);
  });

  it('gives what is written to it, however late', () => {
    // It holds the pipe open before it says anything, as a shell does for `<(command)`.
    const writer = spawn('sh', ['-c', `exec 3<>${pipe}; echo; sleep 0.2; echo secret >&3; sleep 60`], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return new Promise<void>((resolve, reject) => {
      writer.stdout.once('data', () => {
        try {
          // Who keeps it open never ends it.
          expect(() => readSmallFile(pipe, 6, 60_000)).toThrow('more than 6 bytes');
          expect(() => readSmallFile(pipe, 6, 20)).toThrow('nothing comes out of it');
          resolve();
        } catch (error) {
          reject(error as Error);
        } finally {
          writer.kill('SIGKILL');
        }
      });
    });
  });

  it('of a shell is read to its end', () => {
    const script = `node -e "import('${import.meta.dirname}/../../native-free/files/small-file.js').then((m) => process.stdout.write(m.readSmallFile(process.argv[1], 100)))" <(sleep 0.1; echo secret)`;
    expect(execFileSync('bash', ['-c', script]).toString()).toBe('secret\n');
  });

  it('is no file for long: a line of Windows is a line', () => {
    writeFileSync(`${directory}/password`, '\uFEFFsecret\r\n');
    expect(passwordIn(`${directory}/password`)).toBe('secret');
  });
});
