/** A master and its slave in one process, with small logs of other segment sizes, whose files can be spoilt. */
import { closeSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type Broker, type BrokerEvents, openBroker } from '../../broker/index.js';
import { verifyData } from '../../engine/data/verify-data.js';
import { segmentName } from '../../engine/log/index.js';
import type { EngineOptions } from '../../engine/options.js';
import type { Client } from '../../native-free/client/index.js';
import {
  BATCH,
  BATCH_HEADER_BYTES,
  BATCH_TYPE,
  type BrokerStats,
  readUint32,
  readUint64,
  SLOT_BYTES,
} from '../../native-free/wire/index.js';
import {
  makeDirectory,
  readSome,
  removeDirectory,
  SMALL,
  sendNumbers,
  type Warning,
} from '../faults/small-broker.js';
import { until } from './nodes.js';

/** A log's files. */
export interface LogPlace {
  readonly dataDir: string;
  readonly segmentBytes: number;
}

export interface Side extends LogPlace {
  readonly name: string;
  broker: Broker | null;
  port: number;
  warnings: Warning[];
  /** Of the set's own kind: `repaired`, `notRepaired`, … */
  events: string[];
}

/** Messages of the topic `t`. */
export const COUNT = 400;

export class RepairPair {
  #readers = 0;
  readonly a: Side = side('a', 64 * 1024);
  readonly s: Side = side('a-slave', 128 * 1024);
  /** Beside them. */
  readonly further: Side[] = [];

  async open(which: Side, options: EngineOptions & BrokerEvents = {}): Promise<Client> {
    const isMaster = which === this.a;
    const broker = await openBroker({
      ...SMALL,
      segmentBytes: which.segmentBytes,
      dataDir: which.dataDir,
      name: which.name,
      brokerSet: 'a',
      flush: 'async',
      flushIntervalMs: 20,
      ...(isMaster ? {} : { role: 'slave' as const, master: `ws://127.0.0.1:${this.a.port}` }),
      ...options,
      onWarning: (message, details) => {
        which.warnings.push({ message, details });
        which.events.push(String(details['event']));
      },
    });
    which.broker = broker;
    which.port = (await broker.listen({ port: which.port, listener: 'ws', threads: 1 })).port;
    return broker.client();
  }

  async close(which: Side): Promise<void> {
    const { broker } = which;
    which.broker = null;
    await broker?.close();
  }

  another(name: string): Side {
    const made = side(name, 64 * 1024);
    this.further.push(made);
    return made;
  }

  async remove(): Promise<void> {
    for (const each of [...this.further, this.s, this.a]) {
      await this.close(each).catch(() => undefined);
      removeDirectory(each.dataDir);
    }
  }

  client(which: Side): Client {
    return (which.broker as Broker).client();
  }

  /** Both with some segments of messages, all but the newest in files alone; a group has read 7. */
  async fill(): Promise<void> {
    const client = await this.open(this.a);
    await client.admin().createTopic({ topic: 't', queues: 1 });
    await this.open(this.s);
    await sendNumbers(client, 't', 0, COUNT);
    await readSome(client, 't', 7, 'billing');
    await this.settled();
  }

  /** A reader of that side comes upon the damage, and stops there. */
  async meet(of: Side): Promise<void> {
    const group = `reader-${++this.#readers}`;
    const reader = this.client(of).consumer({ topic: 't', group, onWarning: () => {} });
    await expect(
      (async () => {
        for await (const _ of reader) {
          // Up to there.
        }
      })(),
    ).rejects.toThrow();
    await reader.close();
  }

  /** Whether that side serves all messages of {@link fill}. */
  async has(of: Side): Promise<boolean> {
    try {
      const { queueStates } = await this.client(of).admin().describeTopic('t');
      return queueStates[0]?.maxOffset === COUNT;
    } catch {
      return false;
    }
  }

  /** Both have the same log, and all of it on their disks. */
  async settled(): Promise<void> {
    await until(async () => {
      const [master, slave] = await Promise.all([this.a, this.s].map((each) => this.#log(each)));
      const end = master?.endPosition ?? -1;
      return master?.flushedPosition === end && slave?.flushedPosition === end;
    });
  }

  /** null: it is being opened anew. */
  async #log(of: Side): Promise<BrokerStats['log'] | null> {
    try {
      return (await this.client(of).admin().stats()).log;
    } catch {
      return null;
    }
  }

  /** Both logs are whole, and the same byte for byte as far as both reach. Closes them. */
  async expectSame(): Promise<void> {
    await this.settled();
    await this.close(this.s);
    await this.close(this.a);
    const ends: number[] = [];
    for (const each of [this.a, this.s]) {
      const report = await verifyData(each.dataDir);
      expect(report).toMatchObject({ findings: [], unlisted: 0 });
      ends.push(report.endPosition);
      // Nothing is left to be done.
      expect(readdirSync(each.dataDir).filter((name) => /^(repair|rebuild)/.test(name))).toEqual([]);
    }
    const end = Math.min(...ends);
    expect(Buffer.compare(logBytes(this.a).subarray(0, end), logBytes(this.s).subarray(0, end))).toBe(0);
  }
}

export const repaired = (of: Side): number => of.events.filter((event) => event === 'repaired').length;

/** Where a batch of messages lies, so many from the first. */
export function place(of: LogPlace, number: number): number {
  return (batches(of)[number] as { position: number }).position;
}

/** Where the log's batches lie, in their order, and how long they are. */
export function batches(
  of: LogPlace,
  type: number = BATCH_TYPE.data,
): { position: number; length: number }[] {
  const log = logBytes(of);
  const found: { position: number; length: number }[] = [];
  for (let at = 0; at + BATCH_HEADER_BYTES <= log.length; at += SLOT_BYTES) {
    if (readUint64(log, at + BATCH.position) === at && log[at + BATCH.type] === type) {
      found.push({ position: at, length: readUint32(log, at + BATCH.length) });
    }
  }
  return found;
}

/** Writes over some bytes of what lies there. */
export function spoil(of: LogPlace, position: number, what: 'header' | 'body'): void {
  patch(of, position + (what === 'header' ? 32 : BATCH_HEADER_BYTES + 8), new Uint8Array(24).fill(0xc1));
}

export function patch(of: LogPlace, position: number, bytes: Uint8Array): void {
  const base = position - (position % of.segmentBytes);
  const fd = openSync(join(of.dataDir, 'log', segmentName(base)), 'r+');
  writeSync(fd, bytes, 0, bytes.length, position - base);
  closeSync(fd);
}

/** Its next opening reads the whole log. */
export function forgetTables(of: Side): void {
  rmSync(join(of.dataDir, 'queues', 'tables'));
}

export function logBytes(of: LogPlace): Uint8Array {
  const dir = join(of.dataDir, 'log');
  const names = readdirSync(dir).filter((name) => name.endsWith('.seg'));
  return Buffer.concat(names.sort().map((name) => readFileSync(join(dir, name))));
}

function side(name: string, segmentBytes: number): Side {
  const dataDir = makeDirectory();
  return { name, dataDir, segmentBytes, broker: null, port: 0, warnings: [], events: [] };
}
