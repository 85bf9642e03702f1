/** A broker as a process of its own, watched from outside: whether it lives, and what memory it takes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ListenerKind } from '../../native-free/listener/types.js';
import { makeCertificate } from '../transport/certificate.js';

const CLI = fileURLToPath(new URL('../../cli/main.js', import.meta.url));

export class BrokerProcess {
  readonly port: number;
  /** The listener speaks TLS. */
  readonly ca: Buffer | undefined;
  readonly #child: ChildProcess;
  readonly #dir: string;
  #stderr = '';

  private constructor(child: ChildProcess, dir: string, port: number, ca: Buffer | undefined) {
    this.ca = ca;
    this.#child = child;
    this.#dir = dir;
    this.port = port;
    child.stderr?.on('data', (chunk) => {
      this.#stderr = (this.#stderr + String(chunk)).slice(-4_000);
    });
  }

  /** Starts it on a free port of loopback, with an empty data directory; resolves once it serves. */
  static async start(
    listener: ListenerKind,
    args: string[] = [],
    options: { tls?: boolean } = {},
  ): Promise<BrokerProcess> {
    const dir = mkdtempSync(join(tmpdir(), 'ringmq-hostile-'));
    const flags = ['--data', join(dir, 'data'), '--listen', '127.0.0.1:0'];
    flags.push('--listener', listener, '--flush', 'async');
    let ca: Buffer | undefined;
    if (options.tls === true) {
      const { certFile, keyFile } = makeCertificate(dir);
      flags.push('--tls-cert', certFile, '--tls-key', keyFile);
      ca = readFileSync(certFile);
    }
    const child = spawn(process.execPath, [CLI, 'broker', ...flags, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    const [line] = (await Promise.race([once(lines, 'line'), once(child, 'exit')])) as [unknown];
    const port = Number(/:(\d+)$/.exec(String(line))?.[1]);
    if (!(port > 0)) {
      rmSync(dir, { recursive: true, force: true });
      throw new Error(`the broker did not start: ${String(line)}`);
    }
    return new BrokerProcess(child, dir, port, ca);
  }

  get url(): string {
    return `${this.ca === undefined ? 'ws' : 'wss'}://127.0.0.1:${this.port}`;
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The end of what it logged. */
  get log(): string {
    return this.#stderr;
  }

  /** Resident memory now, in MiB. */
  get rssMiB(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024);
  }

  /** Processor time of each of its threads so far, ms; the first is its main one. Empty where the system does not say (it is not Linux). */
  get threadTimesMs(): ReadonlyMap<string, number> {
    const times = new Map<string, number>();
    const dir = `/proc/${this.#child.pid}/task`;
    try {
      for (const thread of readdirSync(dir)) {
        const [ns] = readFileSync(join(dir, thread, 'schedstat'), 'utf8').split(' ');
        times.set(thread, Number(ns) / 1_000_000);
      }
    } catch {
      // A thread, or the broker, went meanwhile.
    }
    return times;
  }

  async stop(): Promise<void> {
    if (this.isAlive) {
      const gone = once(this.#child, 'exit');
      this.#child.kill('SIGTERM');
      await gone;
    }
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
