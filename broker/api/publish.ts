/**
 * Publishing over HTTP: one message as JSON or as bytes, or a stream of lines with a receipt for each. A receipt
 * is what any producer gets, with the durability that was reached.
 */
import { setImmediate } from 'node:timers';
import type { OutgoingMessage, Producer, SendOptions } from '../../native-free/client/internal.js';
import { MAX_BODY_BYTES, MAX_QUEUES_PER_TOPIC, RingMQError } from '../../native-free/wire/index.js';
import { JSON_TYPE } from '../../transport/http/api-door.js';
import { ANSWER_WINDOW_BYTES } from '../../transport/http/api-messages.js';
import type { Caller } from './callers.js';
import { badParameter, jsonOfError } from './http-errors.js';
import { identityOf, sendAs } from './identified.js';
import { LineSplitter } from './line-splitter.js';
import { MAX_JSON_LINE_BYTES, messageOfJson } from './message-json.js';
import type { Call, Operation } from './operation.js';
import { mediaType, numberOf, queryValues } from './parameters.js';
import { ERROR_SCHEMA, MESSAGE_IN_SCHEMA, RECEIPT_SCHEMA } from './schemas.js';

/** Lines of one stream that wait for their receipt: no more is read before. */
const MAX_LINES_UNDER_WAY = 1_024;
const MAX_BYTES_UNDER_WAY = 4 * 1024 * 1024;
/** Then others have their turn. */
const LINES_A_TURN = 128;
/** Receipts that are ready go out together, up to so many characters. */
const PIECE_CHARACTERS = 16 * 1024;

const NDJSON = 'application/x-ndjson';
const BYTES = 'application/octet-stream';

export const PUBLISH: Operation<Caller> = {
  id: 'publish',
  verb: 'POST',
  path: '/topics/:topic/messages',
  about:
    'Publishes a message (`application/json`, `application/octet-stream`), or one a line (`application/x-ndjson`), which is answered with a receipt or an error a line, in the order of the lines.',
  scope: 'set',
  query: {
    type: 'object',
    properties: {
      flush: {
        type: 'string',
        enum: ['sync', 'async'],
        description: 'Acked when on disk, or in the page cache. Default: as the broker is set.',
      },
      queueId: { type: 'integer', minimum: 0, maximum: MAX_QUEUES_PER_TOPIC - 1 },
    },
  },
  headers: [
    {
      name: 'RingMQ-Producer',
      about:
        'Who sends, by a name of its own choice: with `RingMQ-Sequence` the same message may be sent again, and is stored once. Not for lines.',
    },
    {
      name: 'RingMQ-Sequence',
      about:
        'Number of the message, from 1, one more with each. At most 63 beyond the oldest without an answer.',
    },
    { name: 'RingMQ-Tag', about: 'Of a message as bytes. Percent-encoded, as the others.' },
    { name: 'RingMQ-Keys', about: 'Its keys, with commas between them.' },
    { name: 'RingMQ-Sharding-Key', about: 'Messages of one go to one queue, in order.' },
    {
      name: 'RingMQ-Properties',
      about: 'A JSON object of texts, numbers and booleans; not percent-encoded.',
    },
  ],
  body: {
    'application/json': MESSAGE_IN_SCHEMA,
    [NDJSON]: MESSAGE_IN_SCHEMA,
    [BYTES]: { type: 'string', format: 'binary' },
  },
  status: 201,
  answer: {
    'application/json': RECEIPT_SCHEMA,
    [NDJSON]: { oneOf: [RECEIPT_SCHEMA, { type: 'object', properties: { error: ERROR_SCHEMA } }] },
  },
  handle: async (call) => {
    queryValues(call.query, PUBLISH.query);
    const options = sendOptions(call);
    const topic = call.path['topic'] as string;
    switch (mediaType(call.exchange)) {
      case NDJSON:
        if (identityOf(call.exchange.head.headers) !== null) {
          throw badParameter('RingMQ-Producer', 'is for one message a request, not for a stream of lines');
        }
        await new LineStream(call, topic, options).run();
        break;
      case BYTES: {
        const body = await call.exchange.readAll(MAX_BODY_BYTES);
        await sendOne(call, { ...partsOfHeaders(call.exchange.head.headers), topic, body }, options);
        break;
      }
      case 'application/json': {
        const parts = messageOfJson(await call.exchange.readAll(MAX_JSON_LINE_BYTES), 1);
        await sendOne(call, { ...parts, topic }, options);
        break;
      }
      default:
        throw badParameter('Content-Type', `must be application/json, ${NDJSON} or ${BYTES}`);
    }
  },
};

async function sendOne(call: Call<Caller>, message: OutgoingMessage, options: SendOptions): Promise<void> {
  const identity = identityOf(call.exchange.head.headers);
  const receipt =
    identity === null
      ? await call.caller.producer().send(message, options)
      : await sendAs(call, identity, message, options);
  call.exchange.answer(201, `${JSON.stringify(receipt)}\n`, { 'Content-Type': JSON_TYPE });
}

function sendOptions({ query }: Call<Caller>): SendOptions {
  const flush = query.get('flush');
  if (flush !== null && flush !== 'sync' && flush !== 'async') {
    throw badParameter('flush', 'must be sync or async');
  }
  const queueId = query.has('queueId')
    ? numberOf(query, 'queueId', { min: 0, max: MAX_QUEUES_PER_TOPIC - 1, otherwise: 0 })
    : undefined;
  return { ...(flush === null ? {} : { flush }), ...(queueId === undefined ? {} : { queueId }) };
}

type Parts = Pick<OutgoingMessage, 'tag' | 'keys' | 'shardingKey' | 'properties'>;

function partsOfHeaders(headers: Readonly<Record<string, string>>): Parts {
  const tag = headers['ringmq-tag'];
  const keys = headers['ringmq-keys'];
  const shardingKey = headers['ringmq-sharding-key'];
  const properties = headers['ringmq-properties'];
  return {
    ...(tag === undefined ? {} : { tag: plain('RingMQ-Tag', tag) }),
    ...(keys === undefined ? {} : { keys: keys.split(',').map((key) => plain('RingMQ-Keys', key.trim())) }),
    ...(shardingKey === undefined ? {} : { shardingKey: plain('RingMQ-Sharding-Key', shardingKey) }),
    ...(properties === undefined ? {} : propertiesOf(properties)),
  };
}

function propertiesOf(text: string): Parts {
  try {
    return messageOfJson(Buffer.from(`{"properties":${text}}`), 1);
  } catch {
    throw badParameter('RingMQ-Properties', 'must be a JSON object of texts, numbers and booleans');
  }
}

function plain(name: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw badParameter(name, 'is not percent-encoded UTF-8');
  }
}

/** A line that was sent. `text`: what is answered; null: nobody knows yet. */
interface UnderWay {
  readonly bytes: number;
  text: string | null;
}

/** A receipt for each line, in the order of the lines, while more come. */
class LineStream {
  readonly #call: Call<Caller>;
  readonly #topic: string;
  readonly #options: SendOptions;
  readonly #producer: Producer;
  readonly #lines = new LineSplitter();
  /** What becomes of each line that was sent, in order. */
  readonly #underWay: UnderWay[] = [];
  #bytesUnderWay = 0;
  #lineCount = 0;
  #wakeWriter: (() => void) | null = null;
  #wakeReader: (() => void) | null = null;
  #isRead = false;

  constructor(call: Call<Caller>, topic: string, options: SendOptions) {
    this.#call = call;
    this.#topic = topic;
    this.#options = options;
    this.#producer = call.caller.producer();
  }

  async run(): Promise<void> {
    const { exchange } = this.#call;
    // A topic that is not there, or not to be published to, is told by the status.
    await this.#call.caller.connection().requests.call(
      'topicMetadata',
      { topic: this.#topic },
      {
        signal: exchange.signal,
        onlyNow: true,
      },
    );
    exchange.begin(200, { 'Content-Type': NDJSON });
    const writing = this.#write();
    // Looked at below.
    writing.catch(() => {});
    await Promise.race([this.#read(), writing]);
    await writing;
    exchange.finish();
  }

  async #read(): Promise<void> {
    const { exchange } = this.#call;
    try {
      for (let piece = await exchange.read(); piece !== null; piece = await exchange.read()) {
        for (const line of this.#lines.lines(Buffer.from(piece.buffer, piece.byteOffset, piece.length))) {
          await this.#send(line);
        }
        exchange.holds(this.#lines.pendingBytes);
        if (this.#lines.pendingBytes > MAX_JSON_LINE_BYTES) {
          throw new RingMQError('MESSAGE_TOO_LARGE', `line ${this.#lineCount + 1} does not end`, {
            details: { limit: MAX_JSON_LINE_BYTES, line: this.#lineCount + 1 },
          });
        }
      }
      const last = this.#lines.last();
      if (last !== null && last.length > 0) {
        await this.#send(last);
      }
    } catch (error) {
      // The last word: nothing of what follows is looked at.
      this.#refuse(error, this.#lineCount + 1);
    }
    this.#isRead = true;
    this.#wakeWriter?.();
  }

  async #send(line: Buffer): Promise<void> {
    this.#lineCount++;
    const number = this.#lineCount;
    if (number % LINES_A_TURN === 0) {
      await new Promise<void>((resolve) => {
        setImmediate(resolve);
      });
    }
    if (line.length === 0) {
      this.#refuse(new RingMQError('BAD_MESSAGE', `line ${number} is empty`), number);
    } else {
      const entry: UnderWay = { bytes: line.length, text: null };
      this.#add(entry);
      void this.#receiptOf(line, number).then((text) => {
        entry.text = text;
        this.#wakeWriter?.();
      });
    }
    while (
      this.#underWay.length >= MAX_LINES_UNDER_WAY ||
      this.#bytesUnderWay >= MAX_BYTES_UNDER_WAY ||
      this.#call.exchange.untakenBytes >= ANSWER_WINDOW_BYTES
    ) {
      this.#call.exchange.signal.throwIfAborted();
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
    }
  }

  /** Never rejects. The line is copied before this returns its promise. */
  async #receiptOf(line: Buffer, number: number): Promise<string> {
    try {
      const message = { ...messageOfJson(line, number), topic: this.#topic };
      return `${JSON.stringify(await this.#producer.send(message, this.#options))}\n`;
    } catch (error) {
      return errorLine(error, number);
    }
  }

  #refuse(error: unknown, number: number): void {
    this.#add({ bytes: 0, text: errorLine(error, number) });
  }

  #add(entry: UnderWay): void {
    this.#underWay.push(entry);
    this.#bytesUnderWay += entry.bytes;
    this.#wakeWriter?.();
  }

  async #write(): Promise<void> {
    const { exchange } = this.#call;
    try {
      while (!this.#isRead || this.#underWay.length > 0) {
        const text = this.#ready();
        if (text === '') {
          await new Promise<void>((resolve) => {
            this.#wakeWriter = resolve;
          });
        } else {
          await exchange.write(text);
          this.#wakeReader?.();
        }
      }
    } finally {
      this.#wakeReader?.();
    }
  }

  /** What the first lines have become, as far as that is known. */
  #ready(): string {
    let text = '';
    let count = 0;
    for (const entry of this.#underWay) {
      if (entry.text === null || text.length >= PIECE_CHARACTERS) {
        break;
      }
      text += entry.text;
      this.#bytesUnderWay -= entry.bytes;
      count++;
    }
    this.#underWay.splice(0, count);
    return text;
  }
}

function errorLine(error: unknown, line: number): string {
  return `${JSON.stringify({ error: jsonOfError(error), line })}\n`;
}
