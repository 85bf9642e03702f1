/**
 * A TCP link that a test controls: whatever connects to its port reaches another one, until the link is told
 * to delay, hold, cut or spoil what passes. Each direction by itself: `out` from who connected, `back`
 * towards it.
 */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export type Direction = 'out' | 'back';

interface Condition {
  /** Bytes are taken and never arrive; nobody is told. */
  isHeld: boolean;
  /** Each piece waits for so long. */
  delayMs: number;
  /** 0: as fast as it goes. */
  bytesPerSecond: number;
}

interface Pair {
  near: Socket;
  far: Socket;
}

const MAX_PIECE = 16 * 1024;

export class FaultyLink {
  readonly #server: Server;
  readonly #target: () => number;
  readonly #pairs = new Set<Pair>();
  readonly #conditions: Record<Direction, Condition> = {
    out: { isHeld: false, delayMs: 0, bytesPerSecond: 0 },
    back: { isHeld: false, delayMs: 0, bytesPerSecond: 0 },
  };
  #isCut = false;
  #wake: (() => void)[] = [];

  private constructor(server: Server, target: () => number) {
    this.#server = server;
    this.#target = target;
    server.on('connection', (near) => this.#join(near));
  }

  /** To a port of 127.0.0.1, asked anew for each connection: what is behind it may start again elsewhere. */
  static async open(target: number | (() => number), port = 0): Promise<FaultyLink> {
    const server = createServer();
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return new FaultyLink(server, typeof target === 'number' ? () => target : target);
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  get connections(): number {
    return this.#pairs.size;
  }

  /** Ends what is connected, and refuses whoever comes. */
  cut(): void {
    this.#isCut = true;
    this.reset();
  }

  /** Ends what is connected; new connections pass. */
  reset(): void {
    for (const { near, far } of this.#pairs) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  }

  /** Connections stay and new ones are taken, but nothing arrives: in one direction, or in both (half open). */
  hold(...directions: Direction[]): void {
    for (const direction of directions.length === 0 ? (['out', 'back'] as const) : directions) {
      this.#conditions[direction].isHeld = true;
    }
  }

  slow(direction: Direction, { delayMs = 0, bytesPerSecond = 0 }): void {
    Object.assign(this.#conditions[direction], { delayMs, bytesPerSecond });
  }

  /** Puts bytes that nobody sent into every connection, behind what has arrived. */
  inject(direction: Direction, bytes: Uint8Array): void {
    for (const { near, far } of this.#pairs) {
      (direction === 'out' ? far : near).write(bytes);
    }
  }

  /** As it was at first. What was held arrives now, as it does when a real network comes back before TCP gives up. */
  heal(): void {
    this.#isCut = false;
    for (const condition of Object.values(this.#conditions)) {
      Object.assign(condition, { isHeld: false, delayMs: 0, bytesPerSecond: 0 });
    }
    for (const wake of this.#wake.splice(0)) {
      wake();
    }
  }

  async close(): Promise<void> {
    this.cut();
    for (const wake of this.#wake.splice(0)) {
      wake();
    }
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(near: Socket): void {
    near.on('error', () => {});
    if (this.#isCut) {
      near.resetAndDestroy();
      return;
    }
    const far = connect(this.#target(), '127.0.0.1');
    far.on('error', () => {});
    near.setNoDelay(true);
    far.setNoDelay(true);
    const pair = { near, far };
    this.#pairs.add(pair);
    const end = (): void => {
      this.#pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    void this.#carry(near, far, this.#conditions.out).finally(end);
    void this.#carry(far, near, this.#conditions.back).finally(end);
  }

  async #carry(from: Socket, to: Socket, condition: Condition): Promise<void> {
    try {
      for await (const chunk of from as AsyncIterable<Buffer>) {
        for (let at = 0; at < chunk.length; at += MAX_PIECE) {
          await this.#pass(chunk.subarray(at, at + MAX_PIECE), to, condition);
        }
      }
      while (condition.isHeld) {
        await this.#healed();
      }
    } catch {
      // Destroyed on one side: both end.
    }
  }

  async #pass(piece: Buffer, to: Socket, condition: Condition): Promise<void> {
    while (condition.isHeld && !this.#isCut) {
      await this.#healed();
    }
    const { bytesPerSecond, delayMs } = condition;
    const waitMs = delayMs + (bytesPerSecond === 0 ? 0 : (piece.length / bytesPerSecond) * 1_000);
    if (waitMs > 0) {
      await delay(waitMs);
    }
    if (!to.write(piece)) {
      await Promise.race([once(to, 'drain'), once(to, 'close')]);
    }
  }

  #healed(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }
}
