/** A TCP proxy that is a bad network: it cuts connections, in the middle of a chunk too, or lets them hang. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export type Harm = 'cut' | 'stall';

export class CuttingProxy {
  /** What it did. */
  readonly harms: Record<Harm, number> = { cut: 0, stall: 0 };
  readonly #server: Server;
  readonly #targetPort: number;
  readonly #pairs = new Set<Pair>();
  /** What to do next: harm to the connection that carries the byte which is so many away, there and then. Asked for after each harm. */
  plan: () => { harm: Harm; afterBytes: number } | null = () => null;
  #next: { harm: Harm; afterBytes: number } | null = null;
  #isRefusing = false;

  /** In front of `targetPort` on loopback. */
  static async start(targetPort: number): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(targetPort);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  private constructor(targetPort: number) {
    this.#targetPort = targetPort;
    this.#server = createServer((socket) => {
      if (this.#isRefusing) {
        socket.destroy();
      } else {
        this.#pairs.add(new Pair(socket, connect(this.#targetPort, '127.0.0.1'), this));
      }
    });
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get connections(): number {
    return this.#pairs.size;
  }

  /** Cuts all connections now. */
  cutAll(): void {
    for (const pair of [...this.#pairs]) {
      this.#harm(pair, 'cut');
    }
  }

  /** From here on nothing comes back on the connections there are; what goes to the target passes. */
  holdAnswers(): void {
    for (const pair of this.#pairs) {
      pair.holdAnswers();
    }
  }

  /** While set, new connections end at once. */
  set refusing(value: boolean) {
    this.#isRefusing = value;
  }

  async close(): Promise<void> {
    for (const pair of [...this.#pairs]) {
      pair.destroy();
    }
    this.#server.close();
    await once(this.#server, 'close');
  }

  /** How much of a chunk may pass; harm is done behind that. */
  passes(pair: Pair, length: number): number {
    this.#next ??= this.plan();
    const next = this.#next;
    if (next === null) {
      return length;
    }
    next.afterBytes -= length;
    if (next.afterBytes > 0) {
      return length;
    }
    this.#next = null;
    // What passes is on its way before the end of the stream is.
    setImmediate(() => this.#harm(pair, next.harm));
    pair.stall();
    return length + next.afterBytes;
  }

  gone(pair: Pair): void {
    this.#pairs.delete(pair);
  }

  #harm(pair: Pair, harm: Harm): void {
    this.harms[harm]++;
    if (harm === 'cut') {
      pair.destroy();
    } else {
      pair.stall();
    }
  }
}

class Pair {
  readonly #sockets: [Socket, Socket];
  readonly #proxy: CuttingProxy;
  #isStalled = false;

  constructor(near: Socket, far: Socket, proxy: CuttingProxy) {
    this.#sockets = [near, far];
    this.#proxy = proxy;
    near.setNoDelay(true);
    far.setNoDelay(true);
    this.#forward(near, far);
    this.#forward(far, near);
  }

  /** Nothing passes any more, and nobody is told. */
  stall(): void {
    this.#isStalled = true;
    for (const socket of this.#sockets) {
      socket.pause();
    }
  }

  holdAnswers(): void {
    this.#sockets[1].pause();
  }

  destroy(): void {
    for (const socket of this.#sockets) {
      socket.destroy();
    }
    this.#proxy.gone(this);
  }

  #forward(from: Socket, to: Socket): void {
    from.on('data', (chunk: Buffer) => {
      if (this.#isStalled) {
        return;
      }
      const length = this.#proxy.passes(this, chunk.length);
      if (length > 0 && !to.write(chunk.subarray(0, length))) {
        from.pause();
        to.once('drain', () => {
          if (!this.#isStalled) {
            from.resume();
          }
        });
      }
    });
    from.on('error', () => this.destroy());
    from.on('close', () => {
      if (!this.#isStalled) {
        this.destroy();
      }
    });
  }
}
