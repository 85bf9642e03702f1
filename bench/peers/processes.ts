/** Processes the suite starts: their output is kept for error messages, they die with this one, and only by their id. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

const KEPT_OUTPUT = 64 * 1024;

export interface CommandOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** Written to its standard input, which is then closed. */
  input?: string;
  /** It is killed after so long, and that is an error. Default 10 minutes. */
  timeoutMs?: number;
  /** Called with each line of stdout and stderr as it comes. */
  onLine?: (line: string) => void;
}

/** Runs a command to its end; its stdout. Throws with the end of what it printed when its status is not 0. */
export async function runCommand(
  command: string,
  args: readonly (string | number)[],
  options: CommandOptions = {},
): Promise<string> {
  const service = new Service(command, args, options);
  let stdout = '';
  service.child.stdout?.on('data', (text: string) => {
    stdout += text;
  });
  const timer = setTimeout(() => service.child.kill('SIGKILL'), options.timeoutMs ?? 600_000);
  try {
    const [status, signal] = (await service.closed) as [number | null, string | null];
    if (status !== 0) {
      throw new Error(`${command} ended with ${status ?? signal}: ${service.output.trim().slice(-2000)}`);
    }
    return stdout;
  } finally {
    clearTimeout(timer);
  }
}

/** A process that goes on in the background. */
export class Service {
  readonly child: ChildProcess;
  /** Status and signal, once it has ended and its output is read. Rejects when it could not be started. */
  readonly closed: Promise<unknown[]>;
  /** The end of what it printed. */
  output = '';

  constructor(command: string, args: readonly (string | number)[], options: CommandOptions = {}) {
    const { cwd, env, input, onLine } = options;
    const spawning: SpawnOptions = {
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
      ...(cwd === undefined ? {} : { cwd }),
    };
    const child = spawn(command, args.map(String), spawning);
    this.child = child;
    this.closed = once(child, 'close');
    this.closed.catch(() => {});
    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output = (this.output + text).slice(-KEPT_OUTPUT);
        if (onLine === undefined) {
          return;
        }
        const lines = (rest + text).split(/[\r\n]+/);
        rest = lines.pop() ?? '';
        for (const line of lines) {
          onLine(line);
        }
      });
    }
    if (input !== undefined) {
      child.stdin?.end(input);
    }
    const kill = (): void => {
      child.kill('SIGKILL');
    };
    process.once('exit', kill);
    child.once('close', () => process.off('exit', kill));
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Asks until `isReady` says yes. Throws with its output when it ends before that, or after `timeoutMs`. */
  async until(isReady: () => boolean | Promise<boolean>, timeoutMs = 60_000): Promise<void> {
    const giveUpAt = Date.now() + timeoutMs;
    while (!(await isReady())) {
      if (this.hasEnded) {
        throw new Error(`it ended: ${this.output.trim().slice(-2000)}`);
      }
      if (Date.now() > giveUpAt) {
        throw new Error(`not ready after ${timeoutMs} ms: ${this.output.trim().slice(-2000)}`);
      }
      await pause(50);
    }
  }

  /** Ends it: first as asked, after `patienceMs` by SIGKILL. Resolves when it is gone. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', patienceMs = 10_000): Promise<void> {
    if (this.hasEnded) {
      return;
    }
    this.child.kill(signal);
    const timer = setTimeout(() => this.child.kill('SIGKILL'), patienceMs);
    await this.closed.catch(() => {});
    clearTimeout(timer);
  }
}

/** A port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
