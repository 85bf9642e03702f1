import { AsyncLocalStorage, createHook } from 'node:async_hooks';
import { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { run } from '../../cli/run.js';
import { type CliOptions, type CliResult, NO_CONTEXTS } from './cli-process.js';

type Options = Pick<CliOptions, 'input' | 'env' | 'cwd'>;

/** Until what a command has closed is closed. */
const LEAVE_MS = 30_000;

let last: Promise<unknown> = Promise.resolve();

/** What the command under way has connected by: others of this process connect meanwhile, too, and again when their broker is back. */
const handlesOfCommand = new AsyncLocalStorage<Set<object>>();
createHook({
  init(_id, type, _trigger, handle) {
    if (type === 'TCPWRAP') {
      handlesOfCommand.getStore()?.add(handle);
    }
  },
}).enable();

/**
 * Runs `ringmq` to its end as `runCli` does, but in this process, which has loaded it: a process of its own takes the tenfold. One
 * after the other, as they are called. Not for what ends at a signal, writes to stdout past Node as `sub` and `message` do, reads a password from stdin, or
 * is about the process. A connection that a command leaves open, which would keep its process from ending, is a failure here.
 */
export function runHere(args: readonly string[], options: Options = {}): Promise<CliResult> {
  const result = last.then(() => runNow(args, options));
  last = result.catch(() => undefined);
  return result;
}

async function runNow(args: readonly string[], options: Options): Promise<CliResult> {
  const { argv, exitCode } = process;
  const place = { cwd: process.cwd(), env: { ...process.env } };
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  const giveBack = [caught(process.stdout, stdout), caught(process.stderr, stderr)];
  process.argv = [process.execPath, 'ringmq', ...args];
  process.exitCode = undefined;
  const stdin = Object.getOwnPropertyDescriptor(process, 'stdin') as PropertyDescriptor;
  const { input = '' } = options;
  Object.defineProperty(process, 'stdin', {
    configurable: true,
    value: Readable.from(input.length === 0 ? [] : [Buffer.from(input)]),
  });
  Object.assign(process.env, { XDG_CONFIG_HOME: NO_CONTEXTS }, options.env);
  process.chdir(options.cwd ?? place.cwd);
  const made = new Set<object>();
  try {
    const status = await handlesOfCommand.run(made, () => run());
    await untilClosed(made, args);
    return { status, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() };
  } finally {
    process.argv = argv;
    Object.defineProperty(process, 'stdin', stdin);
    process.exitCode = exitCode;
    process.chdir(place.cwd);
    for (const name of Object.keys(process.env)) {
      delete process.env[name];
    }
    Object.assign(process.env, place.env);
    for (const each of giveBack) {
      each();
    }
  }
}

/** Of the connections made by `handles`. */
function isAnyOpen(handles: ReadonlySet<object>): boolean {
  const { _getActiveHandles: active } = process as unknown as { _getActiveHandles(): object[] };
  return active
    .call(process)
    .some(
      (socket) =>
        socket instanceof Socket &&
        !socket.destroyed &&
        handles.has((socket as unknown as { _handle: object })._handle),
    );
}

async function untilClosed(handles: ReadonlySet<object>, args: readonly string[]): Promise<void> {
  for (const until = performance.now() + LEAVE_MS; isAnyOpen(handles); await pause(5)) {
    if (performance.now() > until) {
      throw new Error(`ringmq ${args.join(' ')} has left a connection open: its process would not end`);
    }
  }
}

/** What is written to it goes into `chunks`, until the function that it returns is called. */
function caught(stream: NodeJS.WriteStream, chunks: Buffer[]): () => void {
  const { write } = stream;
  stream.write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
    chunks.push(Buffer.from(chunk as string));
    const done = rest.at(-1);
    if (typeof done === 'function') {
      queueMicrotask(() => done(null));
    }
    return true;
  };
  return () => {
    stream.write = write;
  };
}
