/**
 * What a client spends on a message, without a broker: packing, the way through `write` and `send` over a link that acks at once, and
 * reading. Prints nanoseconds a record. `node dist/bench/micro/client.js`
 */
import {
  BatchBuilder,
  BatchHeader,
  bodyIsIntact,
  checkRecords,
  controlFrame,
  controlPayload,
  createClient,
  type Link,
  RECORDS_AT,
  readHeader,
} from '../../native-free/client/internal.js';
import { BatchInfo, ReceivedBatch, recordSource } from '../../native-free/client/message.js';
import {
  ACK_ENTRY,
  ACK_ENTRY_BYTES,
  BATCH,
  FRAME,
  FRAME_HEADER_BYTES,
  OPCODE,
  readUint32,
  writeUint32,
  writeUint64,
} from '../../native-free/wire/index.js';

const COUNT = 2_000_000;

/** Acks every produce frame in the next turn; answers what a producer asks. */
class EchoLink implements Link {
  onFrame: ((frame: Uint8Array) => void) | null = null;
  onClose: ((reason?: unknown) => void) | null = null;
  readonly framesAreOwned = true;
  readonly bufferedBytes = 0;
  frames = 0;
  #ids: number[] = [];
  #isScheduled = false;

  send(frame: Uint8Array): void {
    const id = readUint32(frame, FRAME.id);
    if (frame[FRAME.opcode] === OPCODE.produce) {
      this.frames++;
      this.#ids.push(id);
      if (this.#isScheduled) return;
      this.#isScheduled = true;
      setImmediate(() => this.#ack());
    } else if (frame[FRAME.opcode] === OPCODE.hello) {
      const welcome = {
        version: 1,
        features: [],
        brokerId: '0123456789abcdef',
        brokerName: 'x',
        flush: 'async',
      };
      const answer = controlFrame(OPCODE.welcome, 0, welcome);
      writeUint64(answer, FRAME.value, 2 ** 50);
      setImmediate(() => this.onFrame?.(answer));
    } else if (controlPayload(frame)['method'] === 'topicMetadata') {
      const info = { topic: 't', topicId: 1, queues: 4, memory: false, createdTime: 0 };
      setImmediate(() => this.onFrame?.(controlFrame(OPCODE.response, id, info)));
    }
  }

  #ack(): void {
    this.#isScheduled = false;
    const ids = this.#ids;
    this.#ids = [];
    const frame = new Uint8Array(FRAME_HEADER_BYTES + ids.length * ACK_ENTRY_BYTES);
    frame[FRAME.opcode] = OPCODE.ack;
    ids.forEach((id, i) => {
      writeUint32(frame, FRAME_HEADER_BYTES + i * ACK_ENTRY_BYTES + ACK_ENTRY.id, id);
    });
    this.onFrame?.(frame);
  }

  close(): void {}
}

async function measure(name: string, count: number, work: () => unknown): Promise<void> {
  await work();
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3; round++) {
    const start = performance.now();
    await work();
    best = Math.min(best, ((performance.now() - start) * 1e6) / count);
  }
  console.log(`${name.padEnd(52)} ${best.toFixed(0).padStart(6)} ns/record`);
}

function packAll(message: { topic: string; body: Uint8Array | string; tag?: string }): void {
  const builder = new BatchBuilder(32 * 1024);
  for (let i = 0; i < COUNT; i++) {
    if (builder.append(message, 1_700_000_000_000)) continue;
    builder.seal();
    builder.reset();
    builder.append(message, 1_700_000_000_000);
  }
}

async function benchProducer(): Promise<void> {
  const body = new Uint8Array(100).fill(7);
  const message = { topic: 't', body };
  const client = await createClient(async () => new EchoLink());
  const producer = client.producer();
  await measure('write 100 B, until false, then ready', COUNT, async () => {
    for (let i = 0; i < COUNT; i++) if (!producer.write(message)) await producer.ready();
    await producer.flush();
  });
  const tagged = { topic: 't', body: 'a text of about forty characters, plain.', tag: 'paid', keys: ['o-1'] };
  await measure('write a text with tag and key', COUNT, async () => {
    for (let i = 0; i < COUNT; i++) if (!producer.write(tagged)) await producer.ready();
    await producer.flush();
  });
  await measure('send 100 B, 64 Ki in flight, receipts', COUNT / 4, async () => {
    const ring = new Array<Promise<unknown> | undefined>(65_536);
    for (let i = 0; i < COUNT / 4; i++) {
      const slot = i & 65_535;
      const earlier = ring[slot];
      if (earlier !== undefined && (i & 255) === 0) await earlier;
      ring[slot] = producer.send(message);
    }
    await Promise.all(ring);
  });
  await measure('send 100 B, one at a time', 50_000, async () => {
    for (let i = 0; i < 50_000; i++) await producer.send(message);
  });
  await client.close();
}

async function benchReader(): Promise<void> {
  const builder = new BatchBuilder(32 * 1024);
  while (builder.append({ topic: 't', body: new Uint8Array(100).fill(7) }, 1_700_000_000_000));
  builder.seal();
  const bytes = builder.bytes.slice(FRAME_HEADER_BYTES, builder.at);
  const header = new BatchHeader();
  const hold = { held: true, ack: () => true };
  const rounds = Math.ceil(COUNT / builder.count);
  const source = recordSource(bytes);
  let sum = 0;
  const open = (verify: boolean): ReceivedBatch => {
    readHeader(bytes, 0, bytes.length, header);
    if (verify && !bodyIsIntact(bytes, header)) throw new Error('damaged');
    checkRecords(bytes, header);
    const info = new BatchInfo(header, 0, 't', false, '0123456789abcdef', hold);
    return new ReceivedBatch(info, source, header, 0, RECORDS_AT - FRAME_HEADER_BYTES, null);
  };
  const total = rounds * builder.count;
  await measure('read: header, checksum, check of all records', total, () => {
    for (let i = 0; i < rounds; i++) sum += open(true).length;
  });
  await measure('read and ask each message for its bodyLength', total, () => {
    for (let i = 0; i < rounds; i++) for (const message of open(true)) sum += message.bodyLength;
  });
  await measure('read and ask each message for its body', total, () => {
    for (let i = 0; i < rounds; i++) for (const message of open(true)) sum += message.body?.length ?? 0;
  });
  if (sum === 0 || readUint32(bytes, BATCH.length) !== bytes.length) throw new Error('nothing was read');
}

await measure('pack 100 B, with checksum', COUNT, () =>
  packAll({ topic: 't', body: new Uint8Array(100).fill(7) }),
);
await measure('pack a 40 character text with a tag', COUNT, () =>
  packAll({ topic: 't', body: 'a text of about forty characters, plain.', tag: 'paid' }),
);
await benchProducer();
await benchReader();
