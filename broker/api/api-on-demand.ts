/** The API of one listener of a broker: loaded when it is first asked, as most brokers are asked nothing over HTTP. */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { Engine } from '../../engine/engine.js';
import { canOpen } from '../../native-free/listener/descriptors.js';
import { RareTeller } from '../../native-free/listener/rare-teller.js';
import { isRingMQError, RingMQError } from '../../native-free/wire/index.js';
import { JSON_TYPE } from '../../transport/http/api-door.js';
import type { ApiAnswer, ApiAsk } from '../../transport/http/api-messages.js';
import type { ResolvedListenOptions } from '../listen-options.js';
import type { BrokerApi } from './broker-api.js';

/** File descriptors that loading it may take at a time. */
const FREE_COUNT = 48;

export class ApiOnDemand {
  readonly #engine: Engine;
  readonly #options: ResolvedListenOptions;
  readonly #ports = new Set<MessagePort>();
  readonly #troubles: RareTeller;
  #api: Promise<BrokerApi> | null = null;

  constructor(engine: Engine, options: ResolvedListenOptions) {
    this.#engine = engine;
    this.#options = options;
    this.#troubles = new RareTeller((line) => engine.warn(line, {}));
  }

  /** The other end of a new channel: for an `ApiDoor` on a listener's thread. */
  port(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    this.#ports.add(port1);
    port1.once('close', () => this.#ports.delete(port1));
    this.#awaitFirst(port1);
    return port2;
  }

  /** Everybody who waits is told. */
  async close(): Promise<void> {
    await (await this.#api?.catch(() => null))?.close();
    for (const port of this.#ports) {
      port.close();
    }
  }

  /** A port without a listener holds what comes: what is behind the first one waits there. */
  #awaitFirst(port: MessagePort): void {
    port.once('message', (first: ApiAsk) => void this.#begin(port, first));
    // It keeps no process alive.
    port.unref();
  }

  async #begin(port: MessagePort, first: ApiAsk): Promise<void> {
    this.#api ??= this.#load();
    try {
      const api = await this.#api;
      if (this.#ports.has(port)) {
        api.serve(port, first);
      }
    } catch (error) {
      // The next request tries again, though Node does not read again what it could not read once.
      this.#api = null;
      this.#troubles.tell(
        'load',
        `the HTTP API could not be loaded: ${String(error)}; all else goes on. If that stays so when what is wrong is put right, start the broker again`,
      );
      port.postMessage(refused(first.id, error));
      this.#awaitFirst(port);
    }
  }

  async #load(): Promise<BrokerApi> {
    // A module that could not be read for want of one is not read again as long as the process lives.
    if (!canOpen(FREE_COUNT)) {
      throw new RingMQError('BROKER_BUSY', 'no file descriptors are left to load the HTTP API; try again');
    }
    const { BrokerApi } = await import('./broker-api.js');
    return new BrokerApi(this.#engine, this.#options);
  }
}

function refused(id: number, error: unknown): ApiAnswer {
  const { code, message, retryable } = isRingMQError(error)
    ? error
    : new RingMQError('INTERNAL', "the HTTP API could not be loaded; the broker's log says why");
  const headers = { 'Content-Type': JSON_TYPE, ...(retryable ? { 'Retry-After': '1' } : {}) };
  const body = `${JSON.stringify({ code, message, retryable, details: {} })}\n`;
  return { type: 'answer', id, status: retryable ? 503 : 500, headers, body };
}
