/** A member of etcd on loopback, for tests: Debian's `etcd-server` (`apt-get install etcd-server`). */

import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { makeDirectory, removeDirectory } from '../cli/cli-process.js';
import { etcdPath } from './find-etcd.js';

/** A port that nobody has. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  return port as number;
}

/** Below those that systems give to whoever connects: nobody has one by the time that it is listened at again. */
const FIRST_PORT = 20_000;
const LAST_PORT = 32_000;

/** So many of them, each another one. */
async function freePorts(count: number): Promise<number[]> {
  const servers: Server[] = [];
  while (servers.length < count) {
    const server = createServer();
    const isListening = once(server, 'listening').then(
      () => true,
      () => false,
    );
    server.listen(randomInt(FIRST_PORT, LAST_PORT), '127.0.0.1');
    if (await isListening) {
      servers.push(server);
    }
  }
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  for (const server of servers) {
    server.close();
    await once(server, 'close');
  }
  return ports;
}

/** Without TLS where nothing is said. */
export interface EtcdSettings {
  readonly certFile?: string;
  readonly keyFile?: string;
  /** Clients have to show a certificate of this authority. */
  readonly clientCaFile?: string;
}

export class EtcdProcess {
  readonly port: number;
  readonly #peerPort: number;
  /** Tells of its health without TLS, whatever clients need. */
  readonly #healthPort: number;
  #settings: EtcdSettings;
  readonly #directory = makeDirectory();
  #child: ChildProcess | undefined;

  private constructor(ports: readonly number[], settings: EtcdSettings) {
    [this.port, this.#peerPort, this.#healthPort] = ports as [number, number, number];
    this.#settings = settings;
  }

  /** Resolves once it answers. */
  static async start(settings: EtcdSettings = {}): Promise<EtcdProcess> {
    const etcd = new EtcdProcess(await freePorts(3), settings);
    await etcd.start();
    return etcd;
  }

  get endpoint(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Again, with the data that it has. */
  async start(settings = this.#settings): Promise<void> {
    this.#settings = settings;
    const { certFile, keyFile, clientCaFile } = settings;
    const client = `${certFile === undefined ? 'http' : 'https'}://${this.endpoint}`;
    const peer = `http://127.0.0.1:${this.#peerPort}`;
    const child = spawn(
      etcdPath() ?? 'etcd',
      [
        ...['--name', 'one', '--data-dir', this.#directory],
        ...['--listen-client-urls', client, '--advertise-client-urls', client],
        ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
        ...['--initial-cluster', `one=${peer}`],
        ...['--listen-metrics-urls', `http://127.0.0.1:${this.#healthPort}`, '--bcrypt-cost', '4'],
        ...(certFile === undefined || keyFile === undefined
          ? []
          : ['--cert-file', certFile, '--key-file', keyFile]),
        ...(clientCaFile === undefined ? [] : ['--client-cert-auth', '--trusted-ca-file', clientCaFile]),
      ],
      { stdio: 'ignore' },
    );
    this.#child = child;
    const ended = once(child, 'exit').then(() => {
      throw new Error('etcd ended');
    });
    ended.catch(() => {});
    await Promise.race([this.#answers(), ended]);
  }

  async #answers(): Promise<void> {
    for (;;) {
      const answer = await fetch(`http://127.0.0.1:${this.#healthPort}/health`).then(
        (response) => response.json() as Promise<{ health: string }>,
        () => null,
      );
      if (answer?.health === 'true') {
        return;
      }
      await delay(20);
    }
  }

  /** Returns when all of its threads stand still: until then it may answer. */
  pause(): void {
    const pid = this.#child?.pid;
    this.#child?.kill('SIGSTOP');
    while (pid !== undefined && !standsStill(pid)) {}
  }

  goOn(): void {
    this.#child?.kill('SIGCONT');
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    }
  }

  /** Its data as they are now, for {@link restore}. It is down meanwhile. */
  async copy(): Promise<string> {
    await this.kill();
    const copy = makeDirectory();
    cpSync(this.#directory, copy, { recursive: true });
    await this.start();
    return copy;
  }

  /** What came after the copy is forgotten. */
  async restore(copy: string): Promise<void> {
    await this.kill();
    rmSync(this.#directory, { recursive: true });
    cpSync(copy, this.#directory, { recursive: true });
    removeDirectory(copy);
    await this.start();
  }

  async end(): Promise<void> {
    await this.kill();
    removeDirectory(this.#directory);
  }
}

function standsStill(pid: number): boolean {
  return readdirSync(`/proc/${pid}/task`).every((thread) => {
    try {
      const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1');
      return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T');
    } catch {
      // It has ended meanwhile.
      return true;
    }
  });
}
