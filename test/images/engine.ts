/**
 * A container engine of the test's own. It runs inside the namespaces that main.ts made, so that its network,
 * its mounts and its processes are nobody else's and end with them.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { monotonicMs } from '../../native-free/time/index.js';
import { type CommandOptions, type CommandResult, must, run } from './command.js';
import type { Places } from './places.js';

const STARTS_WITHIN_MS = 30_000;

export class Engine {
  readonly places: Places;
  readonly #child: ChildProcess;
  #hasEnded = false;

  private constructor(places: Places, child: ChildProcess) {
    this.places = places;
    this.#child = child;
    child.once('exit', () => {
      this.#hasEnded = true;
    });
  }

  /** @throws Error that says why none can be started here */
  static async start(places: Places): Promise<Engine> {
    const log = openSync(places.engineLog, 'w');
    const child = spawn(
      'dockerd',
      [
        ...['--data-root', places.engineData, '--exec-root', places.file('engine-run')],
        ...['--pidfile', places.file('engine.pid'), '-H', `unix://${places.engineSocket}`],
        ...['--iptables=false', '--bridge=none'],
      ],
      { stdio: ['ignore', log, log] },
    );
    const failure = new Promise<never>((_resolve, reject) => child.once('error', reject));
    failure.catch(() => {});
    const engine = new Engine(places, child);
    await Promise.race([engine.#answers(), failure]);
    return engine;
  }

  async #answers(): Promise<void> {
    for (const until = monotonicMs() + STARTS_WITHIN_MS; monotonicMs() < until; ) {
      if (this.#hasEnded) {
        break;
      }
      if ((await this.try(['version'])).status === 0) {
        return;
      }
      await delay(200);
    }
    const last = readFileSync(this.places.engineLog, 'utf8').trim().split('\n').at(-1) ?? '';
    throw new Error(`dockerd does not start: ${last}`);
  }

  get env(): Record<string, string> {
    return { DOCKER_HOST: `unix://${this.places.engineSocket}`, DOCKER_BUILDKIT: '0' };
  }

  docker(args: readonly string[], options: CommandOptions = {}): Promise<string> {
    return must('docker', args, { ...options, env: { ...this.env, ...options.env } });
  }

  try(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return run('docker', args, { ...options, env: { ...this.env, ...options.env } });
  }

  /** What `docker inspect` says of a container or image by a template, like `{{.State.Status}}`. */
  async inspect(name: string, template: string): Promise<string> {
    return (await this.docker(['inspect', '--format', template, name])).trim();
  }

  async stop(): Promise<void> {
    if (!this.#hasEnded) {
      const ended = once(this.#child, 'exit');
      this.#child.kill('SIGTERM');
      await ended;
    }
  }
}
