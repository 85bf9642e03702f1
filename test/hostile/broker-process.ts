/** A broker as a process of its own, watched from outside: whether it lives, and what memory it takes. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ListenerKind } from '../../native-free/listener/types.js';
import { BrokerProcess as RunningBroker } from '../cli/cli-process.js';
import { makeCertificate } from '../transport/certificate.js';

export class BrokerProcess {
  readonly port: number;
  /** The listener speaks TLS. */
  readonly ca: Buffer | undefined;
  readonly #broker: RunningBroker;
  readonly #dir: string;

  private constructor(broker: RunningBroker, dir: string, ca: Buffer | undefined) {
    this.ca = ca;
    this.#broker = broker;
    this.#dir = dir;
    this.port = broker.port;
  }

  /** Starts it on a free port of loopback, with an empty data directory; resolves once it serves. */
  static async start(
    listener: ListenerKind,
    args: string[] = [],
    options: { tls?: boolean } = {},
  ): Promise<BrokerProcess> {
    const dir = mkdtempSync(join(tmpdir(), 'ringmq-hostile-'));
    const flags = ['--listener', listener, '--flush', 'async'];
    let ca: Buffer | undefined;
    if (options.tls === true) {
      const { certFile, keyFile } = makeCertificate(dir);
      flags.push('--tls-cert', certFile, '--tls-key', keyFile);
      ca = readFileSync(certFile);
    }
    try {
      return new BrokerProcess(await RunningBroker.start(join(dir, 'data'), [...flags, ...args]), dir, ca);
    } catch (error) {
      rmSync(dir, { recursive: true, force: true });
      throw error;
    }
  }

  get url(): string {
    return this.#broker.url;
  }

  get isAlive(): boolean {
    return this.#broker.isAlive;
  }

  /** The end of what it logged. */
  get log(): string {
    return this.#broker.log.slice(-4_000);
  }

  /** Resident memory now, in MiB. */
  get rssMiB(): number {
    const status = readFileSync(`/proc/${this.#broker.pid}/status`, 'utf8');
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024);
  }

  /** Processor time of each of its threads so far, ms; the first is its main one. Empty where the system does not say (it is not Linux). */
  get threadTimesMs(): ReadonlyMap<string, number> {
    const times = new Map<string, number>();
    const dir = `/proc/${this.#broker.pid}/task`;
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
    await this.#broker.stop();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
