import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The built command, as it is installed. */
export const CLI = fileURLToPath(new URL('../../cli/main.js', import.meta.url));

/** Has nothing in it, whatever a user, or another test, has saved. */
export const NO_CONTEXTS = join(tmpdir(), 'no-contexts');

export interface CliResult {
  status: number | null;
  stdout: Buffer;
  stderr: string;
}

export interface CliOptions {
  /** Written to stdin, which is then closed. Default: nothing. */
  input?: string | Uint8Array;
  env?: Record<string, string>;
  cwd?: string;
  /** Flags of Node itself. */
  nodeFlags?: readonly string[];
  /** What a shell does before it becomes the command, like `ulimit -n 200`. */
  shell?: string;
}

/** Runs `ringmq` to its end. */
export async function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const child = startCli(args, options);
  const stdout: Buffer[] = [];
  let stderr = '';
  child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  // A command that fails at once closes stdin before it was all written.
  child.stdin?.on('error', () => {});
  child.stdin?.end(options.input ?? '');
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, stdout: Buffer.concat(stdout), stderr };
}

/** Starts `ringmq` with pipes on all three. */
export function startCli(args: readonly string[], options: Omit<CliOptions, 'input'> = {}): ChildProcess {
  const command = [process.execPath, ...(options.nodeFlags ?? []), CLI, ...args];
  const [file = '', ...rest] =
    options.shell === undefined
      ? command
      : ['/bin/sh', '-c', `${options.shell}; exec "$@"`, 'sh', ...command];
  return spawn(file, rest, {
    stdio: ['pipe', 'pipe', 'pipe'],
    // Contexts of whoever runs the tests are not theirs.
    env: { ...process.env, XDG_CONFIG_HOME: NO_CONTEXTS, ...options.env },
    cwd: options.cwd,
  });
}

/** A directory that {@link removeDirectory} takes away again. */
export function makeDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'ringmq-test-'));
}

export function removeDirectory(path: string): void {
  rmSync(path, { recursive: true, force: true });
}

/** `ringmq broker` in a process of its own. */
export class BrokerProcess {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #log: string[];
  /** Once it has ended, and all that it logged is here. */
  readonly #closed: Promise<number | null>;

  private constructor(child: ChildProcess, url: string, log: string[], closed: Promise<number | null>) {
    this.#child = child;
    this.url = url;
    this.#log = log;
    this.#closed = closed;
  }

  /** Resolves once it printed `ready`; rejects with its stderr when it ends instead. */
  static async start(
    dataDir: string,
    args: readonly string[] = [],
    port = 0,
    options: Omit<CliOptions, 'input'> = {},
  ): Promise<BrokerProcess> {
    const child = startCli(['broker', '--data', dataDir, '--listen', `127.0.0.1:${port}`, ...args], options);
    const log: string[] = [];
    child.stderr?.setEncoding('utf8').on('data', (text: string) => log.push(text));
    const closed = once(child, 'close').then(([code]) => code as number | null);
    const ended = closed.then(() => {
      throw new Error(`the broker ended: ${log.join('')}`);
    });
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    const [line] = (await Promise.race([once(lines, 'line'), ended])) as [string];
    ended.catch(() => {});
    const match = /^ready (wss?:\/\/\S+)$/.exec(line);
    if (match === null) {
      throw new Error(`expected 'ready URL', got '${line}'`);
    }
    return new BrokerProcess(child, match[1] as string, log, closed);
  }

  /** What it logged so far. */
  get log(): string {
    return this.#log.join('');
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Its exit status, once it has ended by itself. */
  get ended(): Promise<number | null> {
    return this.#closed;
  }

  kill(): Promise<number | null> {
    return this.#end('SIGKILL');
  }

  /** Asks it to stop and gives its exit status; one that has ended already gives it too. */
  stop(signal: 'SIGTERM' | 'SIGINT' | 'SIGHUP' = 'SIGTERM'): Promise<number | null> {
    return this.#end(signal);
  }

  #end(signal: NodeJS.Signals): Promise<number | null> {
    if (this.isAlive) {
      this.#child.kill(signal);
    }
    return this.#closed;
  }
}
