/** A broker of a few lines behind an in-memory link, for what a real one cannot be made to do on demand. */
import { Packr } from 'msgpackr';
import type { Link, LinkFactory } from '../../native-free/client/internal.js';
import {
  ACK_ENTRY,
  ACK_ENTRY_BYTES,
  BATCH,
  FRAME,
  FRAME_FLAG,
  FRAME_HEADER_BYTES,
  MAX_BATCH_BYTES,
  MAX_BODY_BYTES,
  MAX_FRAME_BYTES,
  OPCODE,
  readUint16,
  readUint32,
  readUint64,
  slotAligned,
  writeUint16,
  writeUint32,
  writeUint64,
} from '../../native-free/wire/index.js';

const packr = new Packr({ useRecords: false });

export interface ProducedBatch {
  id: number;
  /** Under what the broker knows its sender. */
  producerId: string;
  sequence: number;
  topicId: number;
  queueId: number;
  attributes: number;
  recordCount: number;
  /** The batch's bytes, copied on arrival. */
  bytes: Uint8Array;
}

/** What is answered for a batch: a status, or how the ack is made up. */
export interface Verdict {
  status?: number;
  flags?: number;
  durability?: number;
  baseOffset?: number;
  position?: number;
}

export type Handler = (params: Record<string, unknown>, link: ScriptedLink) => unknown;

export class ScriptedLink implements Link {
  onFrame: ((frame: Uint8Array) => void) | null = null;
  onClose: ((reason?: unknown) => void) | null = null;
  readonly framesAreOwned = true;
  readonly bufferedBytes = 0;
  readonly batches: ProducedBatch[] = [];
  readonly credits: { id: number; total: number }[] = [];
  producedBytes = 0;
  isClosed = false;
  readonly #broker: ScriptedBroker;

  constructor(broker: ScriptedBroker) {
    this.#broker = broker;
  }

  send(frame: Uint8Array): void {
    if (this.isClosed) {
      return;
    }
    this.#broker.receive(this, frame);
  }

  close(): void {
    this.isClosed = true;
  }

  /** The broker ends the connection with an error. */
  end(code: string, details: Record<string, unknown> = {}): void {
    this.frame(OPCODE.error, 0, 0, { code, message: `the script says ${code}`, details });
    this.cut();
  }

  /** The broker's side goes away. */
  cut(): void {
    this.isClosed = true;
    this.onClose?.(new Error('cut by the script'));
  }

  frame(opcode: number, id: number, value: number, payload?: unknown, flags = 0): void {
    const packed = payload === undefined ? new Uint8Array(0) : packr.pack(payload);
    const frame = new Uint8Array(FRAME_HEADER_BYTES + packed.length);
    frame[FRAME.opcode] = opcode;
    frame[FRAME.flags] = flags;
    writeUint32(frame, FRAME.id, id);
    writeUint64(frame, FRAME.value, value);
    frame.set(packed, FRAME_HEADER_BYTES);
    this.onFrame?.(frame);
  }

  /** Acks batches, by default as stored. */
  ack(batches: readonly ProducedBatch[], verdict: Verdict | ((batch: ProducedBatch) => Verdict) = {}): void {
    const frame = new Uint8Array(FRAME_HEADER_BYTES + batches.length * ACK_ENTRY_BYTES);
    frame[FRAME.opcode] = OPCODE.ack;
    writeUint64(frame, FRAME.value, this.producedBytes + this.#broker.creditBytes);
    batches.forEach((batch, i) => {
      const at = FRAME_HEADER_BYTES + i * ACK_ENTRY_BYTES;
      const said = typeof verdict === 'function' ? verdict(batch) : verdict;
      writeUint32(frame, at + ACK_ENTRY.id, batch.id);
      writeUint16(frame, at + ACK_ENTRY.status, said.status ?? 0);
      frame[at + ACK_ENTRY.durability] = said.durability ?? 2;
      frame[at + ACK_ENTRY.flags] = said.flags ?? 0;
      writeUint64(frame, at + ACK_ENTRY.baseOffset, said.baseOffset ?? this.#broker.store(batch));
      writeUint64(frame, at + ACK_ENTRY.position, said.position ?? batch.sequence * 4096);
    });
    this.onFrame?.(frame);
  }

  /** Delivers stamped batches to a consumer, each at a multiple of 64. */
  deliver(consumer: number, batches: readonly Uint8Array[]): number {
    const length = batches.reduce((sum, batch) => sum + slotAligned(batch.length), FRAME_HEADER_BYTES);
    const frame = new Uint8Array(length);
    frame[FRAME.opcode] = OPCODE.deliver;
    writeUint32(frame, FRAME.id, consumer);
    let at = FRAME_HEADER_BYTES;
    for (const batch of batches) {
      frame.set(batch, at);
      at += slotAligned(batch.length);
    }
    this.onFrame?.(frame);
    return length;
  }

  skip(consumer: number, queueId: number, offset: number): void {
    const frame = new Uint8Array(FRAME_HEADER_BYTES + 16);
    frame[FRAME.opcode] = OPCODE.skip;
    writeUint32(frame, FRAME.id, consumer);
    writeUint32(frame, FRAME_HEADER_BYTES + 4, queueId);
    writeUint64(frame, FRAME_HEADER_BYTES + 8, offset);
    this.onFrame?.(frame);
  }

  event(consumer: number, payload: unknown): void {
    this.frame(OPCODE.event, consumer, 0, payload);
  }
}

export class ScriptedBroker {
  readonly links: ScriptedLink[] = [];
  readonly requests: Record<string, unknown>[] = [];
  /** Credit beyond what has been received. */
  creditBytes = 1 << 30;
  /** Another one is what a client meets after the broker was opened anew. */
  openingId = 'fedcba9876543210';
  flush: 'sync' | 'async' = 'sync';
  brokerId = '0123456789abcdef';
  /** Refuse connections. */
  isDown = false;
  /** Ack every batch in the turn after it came. */
  autoAck = true;
  /** Told of each batch that comes, before it is acked. */
  onBatch: ((batch: ProducedBatch, link: ScriptedLink) => void) | null = null;
  readonly topics = new Map([['t', { topic: 't', topicId: 7, queues: 4, memory: false, createdTime: 0 }]]);
  readonly methods: Record<string, Handler> = {
    topicMetadata: ({ topic }) => {
      const info = this.topics.get(String(topic));
      if (info === undefined) {
        throw new ScriptedError('TOPIC_NOT_FOUND', `no ${String(topic)}`);
      }
      return info;
    },
    join: () => ({ memberId: 'm-1', topic: this.topics.get('t') }),
    leave: () => ({}),
    released: () => ({}),
    commit: () => ({ fenced: [] }),
  };
  readonly #nextOffset = new Map<string, number>();
  #watchers: { isMet: () => boolean; resolve: () => void }[] = [];

  readonly factory: LinkFactory = async () => {
    if (this.isDown) {
      throw new Error('the script says no');
    }
    const link = new ScriptedLink(this);
    this.links.push(link);
    return link;
  };

  get link(): ScriptedLink {
    return this.links.at(-1) as ScriptedLink;
  }

  /** Requests of a method, with their parameters. */
  called(method: string): Record<string, unknown>[] {
    return this.requests.filter((request) => request['method'] === method);
  }

  /** Gives the batch offsets in its queue. */
  store(batch: ProducedBatch): number {
    const key = `${batch.topicId}/${batch.queueId}`;
    const offset = this.#nextOffset.get(key) ?? 0;
    this.#nextOffset.set(key, offset + batch.recordCount);
    return offset;
  }

  /** Resolves as soon as the condition holds; looked at after every frame. */
  until(isMet: () => boolean): Promise<void> {
    if (isMet()) {
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      this.#watchers.push({ isMet, resolve });
    });
  }

  receive(link: ScriptedLink, frame: Uint8Array): void {
    switch (frame[FRAME.opcode]) {
      case OPCODE.hello:
        this.later(link, () =>
          link.frame(OPCODE.welcome, 0, this.creditBytes, {
            version: 1,
            features: [],
            brokerId: this.brokerId,
            openingId: this.openingId,
            brokerName: 'scripted',
            flush: this.flush,
            listener: 'embedded',
            limits: { bodyBytes: MAX_BODY_BYTES, batchBytes: MAX_BATCH_BYTES, frameBytes: MAX_FRAME_BYTES },
          }),
        );
        break;
      case OPCODE.request:
        this.#onRequest(link, frame);
        break;
      case OPCODE.produce:
        this.#onProduce(link, frame);
        break;
      case OPCODE.credit:
        link.credits.push({ id: readUint32(frame, FRAME.id), total: readUint64(frame, FRAME.value) });
        break;
      default:
    }
    this.#check();
  }

  #onRequest(link: ScriptedLink, frame: Uint8Array): void {
    const id = readUint32(frame, FRAME.id);
    const params = packr.unpack(frame.subarray(FRAME_HEADER_BYTES)) as Record<string, unknown>;
    this.requests.push(params);
    this.later(link, () => {
      try {
        const result = this.methods[String(params['method'])]?.(params, link);
        if (result !== undefined) {
          link.frame(OPCODE.response, id, 0, result);
        }
      } catch (error) {
        const code = error instanceof ScriptedError ? error.code : 'INTERNAL';
        link.frame(OPCODE.response, id, 0, { code, message: String(error) }, FRAME_FLAG.failed);
      }
    });
  }

  #onProduce(link: ScriptedLink, frame: Uint8Array): void {
    link.producedBytes += frame.length;
    const at = FRAME_HEADER_BYTES;
    const batch = {
      id: readUint32(frame, FRAME.id),
      producerId: readUint64(frame, at + BATCH.producerId).toString(16),
      sequence: readUint32(frame, at + BATCH.sequence),
      topicId: readUint32(frame, at + BATCH.topicId),
      queueId: readUint32(frame, at + BATCH.queueId),
      attributes: readUint16(frame, at + BATCH.attributes),
      recordCount: readUint32(frame, at + BATCH.recordCount),
      bytes: frame.slice(at),
    };
    link.batches.push(batch);
    if (this.autoAck) {
      this.later(link, () => link.ack([batch]));
    }
    this.onBatch?.(batch, link);
  }

  /** Does something in a turn of its own, if the link still stands. */
  later(link: ScriptedLink, action: () => void): void {
    setImmediate(() => {
      if (!link.isClosed) {
        action();
      }
      this.#check();
    });
  }

  #check(): void {
    for (const watcher of this.#watchers.filter(({ isMet }) => isMet())) {
      watcher.resolve();
      this.#watchers = this.#watchers.filter((other) => other !== watcher);
    }
  }
}

/** An error the script answers a request with. */
export class ScriptedError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}
