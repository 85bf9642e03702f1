/** A broker as a process of its own, watched from outside: whether it lives, and what memory it takes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ListenerKind } from '../../native-free/listener/types.js';

const CLI = fileURLToPath(new URL('../../cli/main.js', import.meta.url));

export class BrokerProcess {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #dir: string;
  #stderr = '';

  private constructor(child: ChildProcess, dir: string, port: number) {
    this.#child = child;
    this.#dir = dir;
    this.port = port;
    child.stderr?.on('data', (chunk) => {
      this.#stderr = (this.#stderr + String(chunk)).slice(-4_000);
    });
  }

  /** Starts it on a free port of loopback, with an empty data directory; resolves once it serves. */
  static async start(listener: ListenerKind, args: string[] = []): Promise<BrokerProcess> {
    const dir = mkdtempSync(join(tmpdir(), 'ringmq-hostile-'));
    const flags = ['--data', dir, '--listen', '127.0.0.1:0', '--listener', listener, '--flush', 'async'];
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
    return new BrokerProcess(child, dir, port);
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`;
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

  async stop(): Promise<void> {
    if (this.isAlive) {
      const gone = once(this.#child, 'exit');
      this.#child.kill('SIGTERM');
      await gone;
    }
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
