import { fstatSync, type Stats } from 'node:fs';
import type { Command } from 'commander';
import { LineSplitter } from '../broker/api/line-splitter.js';
import { isBlank, MAX_JSON_LINE_BYTES, messageOfJson } from '../broker/api/message-json.js';
import type { Client, OutgoingMessage, Producer } from '../native-free/client/index.js';
import { isRingMQError, MAX_BODY_BYTES, RingMQError } from '../native-free/wire/index.js';
import { connectionNotices, withClient } from './connection.js';
import { notSupported } from './failure.js';
import { printJson, sharedOptions } from './output.js';
import { NO_PROGRESS, startProgress } from './progress.js';

interface PubOptions {
  tag?: string;
  key?: string[];
  shardingKey?: string;
  property?: Record<string, string>;
  delay?: number;
  timeout?: number;
  input?: 'lines' | 'json';
}

/** What was sent: `bytes` counts bodies, `errors` messages that were not acked. */
interface PubSummary {
  count: number;
  bytes: number;
  errors: number;
  /** The level every acked message reached; null when there was none. */
  durability: 'memory' | 'page-cache' | 'disk' | null;
}

/** `ringmq pub`: `body`, or stdin with one message a line, to a topic; done when all of it is acked at the broker's policy. */
export async function runPub(
  command: Command,
  topic: string,
  body: string | undefined,
  options: PubOptions,
): Promise<void> {
  const { url, output } = sharedOptions(command);
  if (options.delay !== undefined) {
    throw notSupported('--delay', 'leave it out to deliver at once');
  }
  const summary: PubSummary = { count: 0, bytes: 0, errors: 0, durability: null };
  let failure: unknown;
  try {
    await withClient(url, (client) => publish(client, topic, body, options, summary), {
      onConnection: connectionNotices(url),
    });
  } catch (error) {
    failure = error;
    summary.errors ||= failedCount(error);
  }
  if (summary.count <= summary.errors) {
    summary.durability = null;
  }
  if (output === 'json') {
    printJson(summary);
  }
  if (failure !== undefined) {
    throw failure;
  }
}

async function publish(
  client: Client,
  topic: string,
  body: string | undefined,
  options: PubOptions,
  summary: PubSummary,
): Promise<void> {
  let hasFailed = false;
  const producer = client.producer({
    group: 'ringmq-pub',
    onError: () => {
      hasFailed = true;
    },
    ...(options.timeout === undefined ? {} : { sendTimeoutMs: options.timeout }),
  });
  let refused: unknown;
  try {
    const parts = { topic, ...messageParts(options) };
    if (body === undefined) {
      await writeLines(client, producer, parts, options.input ?? 'lines', summary, () => hasFailed);
    } else {
      summary.durability = await durabilityOf(client, topic);
      writeOne(producer, { ...parts, body }, summary);
    }
  } catch (error) {
    // What came before the refused line is still sent and waited for.
    refused = error;
  }
  await producer.flush();
  await producer.close();
  if (refused !== undefined) {
    throw refused;
  }
}

function messageParts(options: PubOptions): Omit<OutgoingMessage, 'topic'> {
  return {
    ...(options.tag === undefined ? {} : { tag: options.tag }),
    ...(options.key === undefined ? {} : { keys: options.key }),
    ...(options.shardingKey === undefined ? {} : { shardingKey: options.shardingKey }),
    ...(options.property === undefined ? {} : { properties: options.property }),
  };
}

function writeOne(producer: Producer, message: OutgoingMessage, summary: PubSummary): boolean {
  const room = producer.write(message);
  summary.count++;
  summary.bytes +=
    typeof message.body === 'string' ? Buffer.byteLength(message.body) : (message.body?.length ?? 0);
  return room;
}

async function writeLines(
  client: Client,
  producer: Producer,
  parts: OutgoingMessage,
  form: 'lines' | 'json',
  summary: PubSummary,
  hasFailed: () => boolean,
): Promise<void> {
  const input = fstatSync(0);
  checkInput(input);
  // A bar would be drawn over what is typed.
  const progress = process.stdin.isTTY
    ? NO_PROGRESS
    : await startProgress('pub', input.isFile() ? input.size : 0, 'bytes');
  if (process.stdin.isTTY && process.stderr.isTTY) {
    process.stderr.write('one message a line; end with Ctrl-D\n');
  }
  const splitter = new LineSplitter();
  // One object for all of them: `write` copies before it returns.
  const message: { -readonly [K in keyof OutgoingMessage]: OutgoingMessage[K] } = { ...parts };
  let lineCount = 0;
  const writeLine = (line: Buffer): boolean => {
    lineCount++;
    if (form === 'json') {
      // Files end with an empty line now and then.
      return isBlank(line) || writeOne(producer, { ...parts, ...messageOfJson(line, lineCount) }, summary);
    }
    message.body = line;
    return writeOne(producer, message, summary);
  };
  const maxLineBytes = form === 'json' ? MAX_JSON_LINE_BYTES : MAX_BODY_BYTES;
  let bytesRead = 0;
  try {
    for await (const chunk of readInput()) {
      if (bytesRead === 0) {
        summary.durability = await durabilityOf(client, parts.topic);
      }
      bytesRead += chunk.length;
      for (const line of splitter.lines(chunk)) {
        if (!writeLine(line)) {
          await producer.ready();
        }
        // What came behind a lost message would only hide where the gap is.
        if (hasFailed()) {
          return;
        }
      }
      if (splitter.pendingBytes > maxLineBytes) {
        throw lineTooLong(lineCount + 1, maxLineBytes);
      }
      progress.update(bytesRead);
    }
    const last = splitter.last();
    if (last !== null) {
      writeLine(last);
    }
  } finally {
    progress.stop();
  }
}

/** Node reads what is no file, pipe, socket or terminal as if it were empty: nothing would be sent, and nothing said. */
function checkInput(input: Stats): void {
  if (!input.isFile() && !input.isFIFO() && !input.isSocket() && !input.isCharacterDevice()) {
    const what = input.isDirectory() ? 'a directory' : 'a device';
    throw new RingMQError(
      'BAD_ARGUMENT',
      `stdin is ${what}, which has no lines to send; redirect a file or a pipe to it`,
      { details: { option: 'stdin' } },
    );
  }
}

/** What stdin has. @throws RingMQError BAD_ARGUMENT where it cannot be read */
async function* readInput(): AsyncGenerator<Buffer> {
  const chunks = (process.stdin as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { done, value } = await chunks.next().catch((error: unknown) => {
        throw new RingMQError(
          'BAD_ARGUMENT',
          `stdin cannot be read: ${error instanceof Error ? error.message : String(error)}; redirect a file or a pipe to it`,
          { cause: error, details: { option: 'stdin' } },
        );
      });
      if (done === true) {
        return;
      }
      yield value;
    }
  } finally {
    await chunks.return?.();
  }
}

/** What the broker promises for this topic; also finds out that it is not there before anything is sent. */
async function durabilityOf(client: Client, topic: string): Promise<'memory' | 'page-cache' | 'disk'> {
  const { memory } = await client.admin().describeTopic(topic);
  if (memory) {
    return 'memory';
  }
  return client.broker.flush === 'sync' ? 'disk' : 'page-cache';
}

function lineTooLong(line: number, limitBytes: number): RingMQError {
  return new RingMQError(
    'MESSAGE_TOO_LARGE',
    `line ${line} is over the ${limitBytes} bytes a message may have; send it in pieces`,
    { details: { line, limitBytes } },
  );
}

function failedCount(error: unknown): number {
  const count = isRingMQError(error) ? error.details['failedCount'] : undefined;
  return typeof count === 'number' ? count : 1;
}
