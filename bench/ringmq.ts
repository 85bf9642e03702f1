import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** The command of this build. */
export const CLI = fileURLToPath(new URL('../cli/main.js', import.meta.url));
const run = promisify(execFile);
/** Bounds of what a measurement waits for: beyond them something is wrong, and it ends with what was said. */
const COMMAND_TIMEOUT_MS = 600_000;
const START_TIMEOUT_MS = 120_000;
const STOP_TIMEOUT_MS = 60_000;

/** What `ringmq bench` printed; the fields that are used here. */
export interface LoadFigures {
  messagesPerSecond: number;
  latencyMs: { p50: number; p99: number; p999: number; max: number } | null;
  seconds: number;
  listener: string;
  errors: number;
}

/** The command of another build, in `directory`: a checkout of this project that has been built. */
export function commandIn(directory: string): string {
  const { bin } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as {
    bin: { ringmq: string };
  };
  return join(directory, bin.ringmq);
}

/** Runs the command to its end; its stdout. Throws with its stderr when it fails. */
export function ringmq(...args: (string | number)[]): Promise<string> {
  return ringmqBy(CLI, ...args);
}

/** The same by the command of any build. */
export async function ringmqBy(command: string, ...args: (string | number)[]): Promise<string> {
  try {
    const { stdout } = await run(process.execPath, [command, ...args.map(String)], {
      maxBuffer: 1 << 26,
      timeout: COMMAND_TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    return stdout;
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    throw new Error(`ringmq ${args.join(' ')}: ${stderr?.trim() ?? String(error)}`);
  }
}

/** `ringmq bench …` in a process of its own. */
export function load(url: string, ...args: (string | number)[]): Promise<LoadFigures> {
  return loadBy(CLI, url, ...args);
}

/** The same by the command of any build. */
export async function loadBy(
  command: string,
  url: string,
  ...args: (string | number)[]
): Promise<LoadFigures> {
  const text = await ringmqBy(command, '--url', url, '-o', 'json', 'bench', ...args);
  const figures = JSON.parse(text) as LoadFigures;
  if (figures.errors > 0) {
    throw new Error(`ringmq bench ${args.join(' ')}: ${figures.errors} messages failed`);
  }
  return figures;
}

/** `ringmq broker` in a process of its own. It dies with this one. */
export class BenchBroker {
  readonly url: string;
  /** From the start of the process to `ready`. */
  readonly startMs: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, url: string, startMs: number) {
    this.#child = child;
    this.url = url;
    this.startMs = startMs;
  }

  /** `more`: further arguments of `ringmq broker`. `command`: of another build. */
  static async start(
    dataDir: string,
    flush: 'sync' | 'async',
    more: readonly (string | number)[] = [],
    command = CLI,
  ): Promise<BenchBroker> {
    const startedAt = performance.now();
    const shape = ['broker', '--data', dataDir, '--listen', '127.0.0.1:0', '--flush', flush];
    const args = [...shape, ...more.map(String)];
    const child = spawn(process.execPath, [command, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    const kill = (): void => {
      child.kill('SIGKILL');
    };
    process.once('exit', kill);
    child.once('exit', () => process.off('exit', kill));
    let log = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-4000);
    });
    const ended = once(child, 'exit').then(() => {
      throw new Error(`the broker ended: ${log.trim()}`);
    });
    ended.catch(() => {});
    const lines = createInterface({ input: child.stdout });
    const timer = setTimeout(kill, START_TIMEOUT_MS);
    const [line] = (await Promise.race([once(lines, 'line'), ended]).finally(() => clearTimeout(timer))) as [
      string,
    ];
    return new BenchBroker(child, line.replace(/^ready /, ''), performance.now() - startedAt);
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** The most memory it ever held, in bytes (Linux: VmHWM). */
  peakRssBytes(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) * 1024;
  }

  /** The memory it holds now, in bytes (Linux: VmRSS). */
  rssBytes(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) * 1024;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
      return;
    }
    const exited = once(this.#child, 'exit');
    this.#child.kill(signal);
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(timer);
  }
}
