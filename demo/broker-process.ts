import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../cli/main.js', import.meta.url));

/** A broker in a process of its own, started by the `ringmq` command. It dies with this process. */
export class BrokerProcess {
  readonly url: string;
  readonly port: number;
  /** From start to `ready`. */
  readonly startMs: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, url: string, startMs: number) {
    this.#child = child;
    this.url = url;
    this.port = Number(new URL(url).port);
    this.startMs = startMs;
  }

  /** Starts it with sync flush; port 0 takes a free one. Throws with its log when it does not come up. */
  static async start(dataDir: string, port: number): Promise<BrokerProcess> {
    const startedAt = performance.now();
    const args = ['broker', '--data', dataDir, '--listen', `127.0.0.1:${port}`, '--flush', 'sync'];
    const child = spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    const kill = (): void => {
      child.kill('SIGKILL');
    };
    process.once('exit', kill);
    child.once('exit', () => process.off('exit', kill));
    let log = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-4000);
    });
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    const ended = once(child, 'exit').then(() => {
      throw new Error(`the broker did not start: ${log.trim()}`);
    });
    const [line] = (await Promise.race([once(lines, 'line'), ended])) as [string];
    ended.catch(() => {});
    return new BrokerProcess(child, line.replace(/^ready /, ''), performance.now() - startedAt);
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** No warning, no time to tidy up. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Asks it to stop; resolves with its exit status. */
  async stop(): Promise<number | null> {
    return this.#end('SIGTERM');
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
      return this.#child.exitCode;
    }
    const exited = once(this.#child, 'exit');
    this.#child.kill(signal);
    const [code] = (await exited) as [number | null];
    return code;
  }
}
