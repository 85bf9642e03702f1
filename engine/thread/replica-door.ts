/** A master's side of replication on one thread: the connections of slaves that this thread's listener has accepted. */

import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import {
  clearInterval,
  clearTimeout,
  monotonicMs,
  setInterval,
  setTimeout,
} from '../../native-free/time/index.js';
import type { ReplicaFacts } from '../../native-free/wire/index.js';
import type { ControlPort } from '../control/channel-messages.js';
import { diskErrorCode } from '../disk/disk.js';
import type { ReplicaDoor, ReplicaFeed, ReplicaGreeting, ReplicaLink } from '../engine-thread.js';
import type { Lane } from '../lane/lane.js';
import { type LogReader, segmentName } from '../log/index.js';
import type { InSyncLimits } from '../replica/in-sync.js';
import { ReplicaRow } from '../replica/replica-row.js';
import {
  BEAT_MS,
  NEWS_MS,
  type ReplicateFiles,
  type ReplicateRing,
  ReplicateStage,
} from '../replica/replicate-stage.js';
import type { ReplicaMarks } from '../term/replica-marks.js';
import type { Term } from '../term/term.js';
import type { TurnWork } from './turn-work.js';

export interface ReplicaHost {
  readonly log: Lane;
  readonly logReader: LogReader;
  readonly logDir: string;
  readonly segmentBytes: number;
  readonly marks: ReplicaMarks;
  readonly term: Term;
  readonly limits: InSyncLimits;
  /** Has the thread do this in each turn from now on; returns the way to end it. */
  addWork(work: TurnWork): () => void;
  /** Another turn is wanted. */
  schedule(): void;
  /** What slaves have has changed: whoever waits for it is to look. */
  wakeOthers(): void;
}

/** Proof and greeting as the thread that opened the broker takes them. */
export interface ProveParams {
  slaveNonce: Uint8Array;
  masterNonce: Uint8Array;
  proof: Uint8Array;
  remote: string;
}

export class ThreadReplicas implements ReplicaDoor {
  readonly #host: ReplicaHost;
  readonly #port: ControlPort;

  constructor(host: ReplicaHost, port: ControlPort) {
    this.#host = host;
    this.#port = port;
  }

  async prove(
    slaveNonce: Uint8Array,
    masterNonce: Uint8Array,
    proof: Uint8Array,
    remote: string,
  ): Promise<Uint8Array | null> {
    const params: ProveParams = { slaveNonce, masterNonce, proof, remote };
    return (await this.#port.callInternal('replicaProve', params)) as Uint8Array | null;
  }

  async greet(slave: ReplicaFacts): Promise<ReplicaGreeting> {
    return (await this.#port.callInternal('replicaGreet', slave)) as ReplicaGreeting;
  }

  async takeOver(offsets: Uint8Array): Promise<number> {
    return (await this.#port.callInternal('replicaOffsets', offsets)) as number;
  }

  feed(greeting: ReplicaGreeting, position: number, link: ReplicaLink): ReplicaFeed {
    return new Feed(this.#host, greeting, position, link);
  }
}

class Feed implements ReplicaFeed, TurnWork {
  readonly #host: ReplicaHost;
  readonly #stage: ReplicateStage;
  readonly #row: ReplicaRow;
  readonly #link: ReplicaLink;
  readonly #files: AsyncLogFiles;
  readonly #endWork: () => void;
  readonly #timer: NodeJS.Timeout;
  /** For news that nothing else brings. */
  #newsTimer: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(host: ReplicaHost, greeting: ReplicaGreeting, position: number, link: ReplicaLink) {
    const { ring, reader } = host.log;
    this.#host = host;
    this.#link = link;
    this.#row = new ReplicaRow(host.marks, greeting.row, greeting.link, host.limits, (bytes) =>
      ring.toSlots(bytes),
    );
    this.#files = new AsyncLogFiles(host.logDir, host.segmentBytes, host.logReader);
    const view: ReplicateRing = {
      bytes: ring.bytes,
      ringBytes: ring.ringBytes,
      spanBytes: ring.spanBytes,
      end: () => ring.toBytes(ring.indexed()),
      pin: (at) => reader.pinBytes(at),
      unpin: () => reader.unpin(),
    };
    this.#stage = new ReplicateStage(
      {
        ring: view,
        files: this.#files,
        link: {
          get bufferedBytes() {
            return link.bufferedBytes;
          },
          send: (frame) => link.send(frame),
          fail: (why) => link.fail('LOG_CORRUPT', why),
        },
        committed: () => ring.toBytes(host.log.committed()),
        now: monotonicMs,
        onHeard: (received, flushed) => this.#heard(received, flushed),
      },
      position,
    );
    this.#stage.onReadable = () => host.schedule();
    this.#endWork = host.addWork(this);
    this.#timer = setInterval(() => this.#tick(), BEAT_MS / 2);
    this.#timer.unref();
    host.schedule();
  }

  onAck(received: number, flushed: number): string | null {
    return this.#stage.onAck(received, flushed);
  }

  onDrain(): void {
    this.#host.schedule();
  }

  beforeDisk(): void {
    this.#step();
  }

  afterDisk(): void {
    this.#step();
  }

  #step(): void {
    if (this.#stage.step()) {
      this.#host.schedule();
    } else if (this.#stage.owesNews && this.#newsTimer === null && !this.#isClosed) {
      this.#newsTimer = setTimeout(() => {
        this.#newsTimer = null;
        this.#host.schedule();
      }, NEWS_MS);
      this.#newsTimer.unref();
    }
  }

  close(): void {
    if (this.#isClosed) {
      return;
    }
    this.#isClosed = true;
    clearInterval(this.#timer);
    if (this.#newsTimer !== null) {
      clearTimeout(this.#newsTimer);
    }
    this.#endWork();
    this.#stage.close();
    this.#row.gone();
    this.#host.wakeOthers();
    void this.#files.close();
  }

  #heard(received: number, flushed: number): void {
    const { ring } = this.#host.log;
    if (this.#row.heard(received, flushed, ring.toBytes(ring.indexed()), monotonicMs())) {
      this.#host.wakeOthers();
      this.#host.schedule();
    }
  }

  #tick(): void {
    const { ring } = this.#host.log;
    if (this.#row.isReplaced) {
      this.#link.fail('CLOSED', 'this slave has connected again, by another connection');
      return;
    }
    if (this.#row.tick(ring.toBytes(ring.indexed()), monotonicMs())) {
      this.#host.wakeOthers();
    }
    this.#host.schedule();
  }
}

/** The segments, read without holding up the thread. One file is open at a time. */
class AsyncLogFiles implements ReplicateFiles {
  readonly #dir: string;
  readonly #segmentBytes: number;
  readonly #reader: LogReader;
  #handle: FileHandle | null = null;
  #base = -1;
  #isClosed = false;
  #reading: Promise<unknown> = Promise.resolve();

  constructor(dir: string, segmentBytes: number, reader: LogReader) {
    this.#dir = dir;
    this.#segmentBytes = segmentBytes;
    this.#reader = reader;
  }

  start(): number {
    return this.#reader.oldestPosition;
  }

  read(position: number, length: number, target: Uint8Array): Promise<number> {
    const reading = this.#read(position, length, target);
    this.#reading = reading.catch(() => undefined);
    return reading;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#reading;
    await this.#handle?.close();
    this.#handle = null;
  }

  async #read(position: number, length: number, target: Uint8Array): Promise<number> {
    const base = position - (position % this.#segmentBytes);
    if (base !== this.#base || this.#handle === null) {
      await this.#handle?.close();
      this.#handle = null;
      const handle = await openIfThere(`${this.#dir}/${segmentName(base)}`);
      if (handle === null || this.#isClosed) {
        await handle?.close();
        return 0;
      }
      this.#handle = handle;
      this.#base = base;
    }
    const most = Math.min(length, base + this.#segmentBytes - position);
    const { bytesRead } = await this.#handle.read(target, 0, most, position - base);
    // Asked after the read: retention may have given the file to another stretch of the log meanwhile.
    return position < this.start() ? 0 : bytesRead;
  }
}

async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (diskErrorCode(error) === 'ENOENT') {
      return null;
    }
    throw error;
  }
}
