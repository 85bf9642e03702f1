/** One node as a process in the background: started, waited for, signalled. */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { monotonicMs } from '../../native-free/time/index.js';
import { type ErrorCode, errorCodeOfName, RingMQError } from '../../native-free/wire/index.js';
import { forgetProcess, identify, type ProcessId, runningProcess, writeProcess } from './process-id.js';

const MAIN = fileURLToPath(new URL('../main.js', import.meta.url));
/** A broker that reads a long log back may take so long to serve. */
const READY_MS = 120_000;
/** A drain takes seconds; past this it is stuck, and what was acked is safe either way. */
const STOP_MS = 30_000;
const LOOK_MS = 25;
const SHOWN_LINES = 5;

export class NodeProcess {
  readonly name: string;
  readonly #folder: string;
  readonly #env: Readonly<Record<string, string>>;

  /** @param env - variables for it beside this process's own, of which `RINGMQ_…` are left out */
  constructor(name: string, folder: string, env: Readonly<Record<string, string>> = {}) {
    this.name = name;
    this.#folder = folder;
    this.#env = env;
  }

  get logPath(): string {
    return join(this.#folder, 'log');
  }

  get dataDir(): string {
    return join(this.#folder, 'data');
  }

  get #pidPath(): string {
    return join(this.#folder, 'pid');
  }

  get #outPath(): string {
    return join(this.#folder, 'out');
  }

  /** Null when it does not run. */
  running(): ProcessId | null {
    return runningProcess(this.#pidPath);
  }

  /** Where it serves, as it said; null as long as it has not. */
  url(): string | null {
    if (!existsSync(this.#outPath)) {
      return null;
    }
    return /^ready (wss?:\/\/\S+)$/m.exec(readFileSync(this.#outPath, 'utf8'))?.[1] ?? null;
  }

  /** Starts it, and resolves with its address once it serves. One that ends instead is an error with its last lines. */
  async start(args: readonly string[]): Promise<string> {
    const logFrom = existsSync(this.logPath) ? statSync(this.logPath).size : 0;
    const out = openSync(this.#outPath, 'w');
    const log = openSync(this.logPath, 'a');
    let hasEnded = false;
    try {
      const child = spawn(process.execPath, [MAIN, ...args], {
        detached: true,
        stdio: ['ignore', out, log],
        // Settings of this cluster are in its command lines alone.
        env: {
          ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('RINGMQ_'))),
          ...this.#env,
        },
      });
      const failure = new Promise<never>((_resolve, reject) => child.once('error', reject));
      failure.catch(() => {});
      child.once('exit', () => {
        hasEnded = true;
      });
      child.unref();
      const id = child.pid === undefined ? null : identify(child.pid);
      if (id !== null) {
        writeProcess(this.#pidPath, id);
      }
      return await Promise.race([this.#ready(() => hasEnded, logFrom), failure]);
    } finally {
      closeSync(out);
      closeSync(log);
    }
  }

  async #ready(hasEnded: () => boolean, logFrom: number): Promise<string> {
    const until = monotonicMs() + READY_MS;
    for (;;) {
      const isOver = hasEnded();
      const url = this.url();
      if (url !== null && !isOver) {
        return url;
      }
      if (isOver) {
        forgetProcess(this.#pidPath);
        throw this.#notUp('ended before it served', logFrom);
      }
      if (monotonicMs() > until) {
        throw this.#notUp(`does not serve after ${READY_MS / 1_000} s`, logFrom);
      }
      await delay(LOOK_MS);
    }
  }

  /** The error that the node itself ended with, where it said one. */
  #notUp(what: string, logFrom: number): RingMQError {
    const lines = readFileSync(this.logPath).subarray(logFrom).toString('utf8').trimEnd().split('\n');
    const last = lines.slice(-SHOWN_LINES);
    const own = /^([A-Z][A-Z_]+): (.*)$/.exec(last.at(-1) ?? '');
    const named = own === null ? 'INTERNAL' : errorCodeOfName(own[1] as string);
    const code: ErrorCode = named === 'INTERNAL' ? 'BROKER_CLOSED' : named;
    const said = own !== null && named !== 'INTERNAL' ? own[2] : last.join(' | ');
    return new RingMQError(code, `${this.name} ${what}: ${said}; its log is ${this.logPath}`, {
      details: { node: this.name, log: this.logPath, lines: last },
    });
  }

  /** SIGKILL. False when it did not run. */
  async kill(): Promise<boolean> {
    return (await this.#end('SIGKILL', STOP_MS)) !== 'none';
  }

  /** SIGTERM, and waits for its end; SIGKILL when that takes too long. */
  async stop(): Promise<'none' | 'stopped' | 'killed'> {
    const how = await this.#end('SIGTERM', STOP_MS);
    if (how !== 'late') {
      return how === 'none' ? 'none' : 'stopped';
    }
    await this.kill();
    return 'killed';
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL', patienceMs: number): Promise<'none' | 'ended' | 'late'> {
    const id = this.running();
    if (id === null) {
      forgetProcess(this.#pidPath);
      return 'none';
    }
    process.kill(id.pid, signal);
    if (signal === 'SIGTERM') {
      // One that was stopped (SIGSTOP) hears it only so.
      process.kill(id.pid, 'SIGCONT');
    }
    const until = monotonicMs() + patienceMs;
    while (this.running() !== null) {
      if (monotonicMs() > until) {
        return 'late';
      }
      await delay(LOOK_MS);
    }
    forgetProcess(this.#pidPath);
    return 'ended';
  }
}
