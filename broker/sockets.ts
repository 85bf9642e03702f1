/** The sockets of a broker. They are what they were, at the same ports, when its engine is opened again. */
import type { Engine } from '../engine/engine.js';
import type { RingMQError } from '../native-free/wire/index.js';
import { type BrokerListener, startListening } from './listen.js';
import { type ListenOptions, resolveListenOptions } from './listen-options.js';

/** A socket that is open, or is to be opened again with the engine. */
interface Socket {
  readonly options: ListenOptions;
  listener: BrokerListener;
}

export class BrokerSockets {
  readonly #open = new Set<Socket>();
  readonly #onFatal: (error: RingMQError) => void;

  /** `onFatal`: the last thread of a listener has died, and nobody is served at its port. */
  constructor(onFatal: (error: RingMQError) => void) {
    this.#onFatal = onFatal;
  }

  /** Where each can be reached, in the order in which they were opened. */
  get urls(): string[] {
    return [...this.#open].map(({ listener }) => listener.url);
  }

  /** @throws RingMQError PORT_IN_USE, BAD_CONFIG */
  async open(engine: Engine, options: ListenOptions): Promise<BrokerListener> {
    const listener = await this.#listen(engine, options);
    const socket: Socket = { options, listener };
    this.#open.add(socket);
    const close = async (): Promise<void> => {
      this.#open.delete(socket);
      await socket.listener.close();
    };
    const renewCertificates = (): void => socket.listener.renewCertificates();
    return { ...listener, renewCertificates, close, [Symbol.asyncDispose]: close };
  }

  /** Ends all of them. They are not forgotten: see {@link openAgain}. Rejects with the first failure, once all have been tried. */
  async stop(): Promise<void> {
    const ends = await Promise.allSettled([...this.#open].map(({ listener }) => listener.close()));
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed !== undefined) {
      throw failed.reason;
    }
  }

  /** After {@link stop}: the same sockets, on another engine. */
  async openAgain(engine: Engine): Promise<void> {
    for (const socket of this.#open) {
      const { port } = socket.listener;
      socket.listener = await this.#listen(engine, { ...socket.options, port });
    }
  }

  async #listen(engine: Engine, options: ListenOptions): Promise<BrokerListener> {
    const { jwt } = resolveListenOptions(options);
    if (jwt !== undefined) {
      await engine.access.trust(jwt);
    }
    return await startListening(
      engine,
      options,
      (error, isLast) => {
        if (isLast) {
          this.#onFatal(error);
        } else {
          engine.warn(error.message, {});
        }
      },
      (message) => engine.warn(message, {}),
    );
  }
}
