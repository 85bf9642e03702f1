import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { EngineOptions } from '../../engine/options.js';

const PROGRAM = fileURLToPath(new URL('./broker-host.js', import.meta.url));

/** What the program says; the fields depend on the event. */
export interface HostEvent {
  event: 'ready' | 'warning' | 'fatal' | 'failed' | 'closed' | 'exit';
  url?: string;
  code?: string;
  message?: string;
}

/** A program with a broker in it (broker-host.ts). */
export class HostProcess {
  readonly events: HostEvent[] = [];
  readonly #child: ChildProcess;
  readonly #news = new EventEmitter();

  /** `descriptors`: so many it may have open. */
  constructor(options: EngineOptions, env: Record<string, string> = {}, descriptors?: number) {
    const command = [process.execPath, PROGRAM, JSON.stringify(options)];
    const [file = '', ...args] =
      descriptors === undefined
        ? command
        : ['/bin/sh', '-c', `ulimit -n ${descriptors}; exec "$@"`, 'sh', ...command];
    const child = spawn(file, args, {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...env },
    });
    this.#child = child;
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) =>
      this.#note(JSON.parse(line) as HostEvent),
    );
    child.on('close', (code) => this.#note({ event: 'exit', code: String(code) }));
  }

  /** Resolves once it serves. */
  static async start(
    options: EngineOptions,
    env?: Record<string, string>,
    descriptors?: number,
  ): Promise<HostProcess> {
    const host = new HostProcess(options, env, descriptors);
    await host.next('ready');
    return host;
  }

  get url(): string {
    return this.events.find(({ event }) => event === 'ready')?.url ?? '';
  }

  /** The first event of a kind (whose message fits), past or future. Rejects when the program ends without it. */
  async next(event: HostEvent['event'], message = /^/): Promise<HostEvent> {
    for (;;) {
      const found = this.events.find((known) => known.event === event && message.test(known.message ?? ''));
      if (found !== undefined) {
        return found;
      }
      if (this.events.some((known) => known.event === 'exit')) {
        throw new Error(`no '${event}' came: ${JSON.stringify(this.events)}`);
      }
      await once(this.#news, 'event');
    }
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends it; its exit status, `null` after a signal. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<string | undefined> {
    this.#child.kill(signal);
    return (await this.next('exit')).code;
  }

  /** How long a thread was held depends on the machine, and on no test. */
  #note(event: HostEvent): void {
    if (event.event === 'warning' && event.message?.includes(' held its thread for ')) {
      return;
    }
    this.events.push(event);
    this.#news.emit('event');
  }
}
