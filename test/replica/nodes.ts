/** Brokers as processes of their own, for tests of replication: small logs, told apart by their folders. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Packr } from 'msgpackr';
import { WebSocket } from 'ws';
import { type Client, connect } from '../../native-free/client/index.js';
import { FRAME_HEADER_BYTES, makeFrame, OPCODE, SUBPROTOCOL } from '../../native-free/wire/index.js';

const MAIN = fileURLToPath(new URL('../../cli/main.js', import.meta.url));
const SMALL = ['--span-size', '1MiB', '--memory-ring-size', '4MiB', '--flush', 'async'];
/** A slave's are other ones: it reads the same log. */
const MASTER_SIZES = ['--ring-size', '4MiB', '--segment-size', '4MiB'];
const SLAVE_SIZES = ['--ring-size', '8MiB', '--segment-size', '2MiB'];

export class Node {
  readonly name: string;
  readonly dir = mkdtempSync(join(tmpdir(), 'ringmq-node-'));
  url = '';
  #process: ChildProcess | null = null;
  /** It has ended, and all that it said has been heard. */
  #closed: Promise<unknown> = Promise.resolve();
  #stderr = '';

  constructor(name: string) {
    this.name = name;
  }

  /** Starts it, on the port it had. `env`: variables beside this process's own. */
  async start(flags: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<this> {
    const sizes = this.name.includes('slave') ? SLAVE_SIZES : MASTER_SIZES;
    const listen = this.url === '' ? '127.0.0.1:0' : this.url.replace('ws://', '');
    const args = ['broker', '--data', this.dir, '--name', this.name, '--listen', listen, ...SMALL, ...sizes];
    const child = spawn(
      process.execPath,
      [MAIN, ...args, '--broker-set', 'a', '--listener', 'ws', ...flags],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, ...env },
      },
    );
    this.#process = child;
    this.#closed = once(child, 'close');
    child.stderr?.on('data', (data: Buffer) => {
      this.#stderr += data.toString();
    });
    const ended = once(child, 'exit').then(() => {
      throw new Error(`${this.name} ended before it served: ${this.#stderr}`);
    });
    ended.catch(() => undefined);
    const ready = (async (): Promise<string> => {
      let text = '';
      for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
        text += chunk.toString();
        const url = /ready (\S+)/.exec(text)?.[1];
        if (url !== undefined) {
          return url;
        }
      }
      throw new Error(`${this.name} said nothing: ${this.#stderr}`);
    })();
    this.url = await Promise.race([ready, ended]);
    return this;
  }

  /** The signal that ended it, once it has ended by itself; null: none did. */
  get ended(): Promise<NodeJS.Signals | null> {
    const child = this.#process as ChildProcess;
    return child.exitCode !== null || child.signalCode !== null
      ? Promise.resolve(child.signalCode)
      : once(child, 'exit').then(([, signal]) => signal as NodeJS.Signals | null);
  }

  async kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    this.#process?.kill(signal);
    this.#process = null;
    await this.#closed;
  }

  /** Its process stands still, as on a machine that swaps or is moved. Resolves once all of its threads do. */
  async pause(): Promise<void> {
    const { pid } = this.#process as ChildProcess;
    process.kill(pid as number, 'SIGSTOP');
    const isStopped = (task: string): boolean =>
      / T [^)]*$/.test(readFileSync(`/proc/${pid}/task/${task}/stat`, 'latin1').split(')').at(-1) as string);
    await until(() => readdirSync(`/proc/${pid}/task`).every(isStopped));
  }

  goOn(): void {
    this.#process?.kill('SIGCONT');
  }

  /** What it has said. */
  get log(): string {
    return this.#stderr;
  }

  async remove(): Promise<void> {
    await this.kill('SIGKILL');
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** All bytes of its log files, from the first segment on. */
  logBytes(): Uint8Array {
    const dir = join(this.dir, 'log');
    const names = readdirSync(dir)
      .filter((name) => name.endsWith('.seg'))
      .sort();
    return Buffer.concat(names.map((name) => readFileSync(join(dir, name))));
  }

  /** What was cut off and kept. */
  cuts(): string[] {
    return readdirSync(this.dir).filter((name) => name.startsWith('cut-'));
  }
}

/** Tries until it is true; the test's own limit ends it, and says only that, so what was waited for is said before. */
export async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const asked = new Error(`for 40 s it has not become true that ${isTrue}`);
  const telling = setTimeout(() => process.stderr.write(`${asked.stack}\n`), 40_000);
  try {
    while (!(await isTrue())) {
      await new Promise((resolve) => {
        setTimeout(resolve, 20);
      });
    }
  } finally {
    clearTimeout(telling);
  }
}

/** A client of a broker that may be on its way up. When it is closed it does not wait for one that has gone. */
export async function reach(url: string): Promise<Client> {
  for (;;) {
    try {
      return await connect(url, { closeTimeoutMs: 500 });
    } catch {
      await until(() => true);
    }
  }
}

/** Messages that a topic's queues have, all together. */
export async function stored(client: Client, topic: string): Promise<number> {
  const described = await client.admin().describeTopic(topic);
  return described.queueStates.reduce((sum, { maxOffset }) => sum + maxOffset, 0);
}

const PACKR = new Packr({ useRecords: false });

/** A request that the client library has no call for. */
export async function ask(url: string, method: string, params: object = {}): Promise<unknown> {
  const socket = new WebSocket(url, [SUBPROTOCOL]);
  try {
    await once(socket, 'open');
    const frames = new Promise<Buffer>((resolve, reject) => {
      socket.on('message', (frame: Buffer) => {
        if (frame[0] === OPCODE.welcome) {
          socket.send(makeFrame(OPCODE.request, 1, { payload: PACKR.pack({ method, ...params }) }));
        } else {
          resolve(frame);
        }
      });
      socket.on('close', () => reject(new Error('it was closed')));
    });
    const hello = { version: 1, features: [], client: 'test' };
    socket.send(makeFrame(OPCODE.hello, 0, { payload: PACKR.pack(hello) }));
    return PACKR.unpack((await frames).subarray(FRAME_HEADER_BYTES));
  } finally {
    socket.terminate();
  }
}

/** Makes the topic that these tests use. False: not yet, as its slaves are not there. */
export async function makesTopic(client: Client): Promise<boolean> {
  try {
    await client.admin().createTopic({ topic: 't', queues: 1, ifNotExists: true });
    return true;
  } catch {
    return false;
  }
}
