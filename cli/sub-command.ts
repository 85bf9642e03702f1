import type { Command } from 'commander';
import type { Consumer, ConsumerWarning, MessageBatch, StartPosition } from '../native-free/client/index.js';
import { LongTimer } from '../native-free/time/index.js';
import { RingMQError } from '../native-free/wire/index.js';
import { connectionNotices, notice, openClient } from './connection.js';
import { formatBatch } from './message-format.js';
import { sharedOptions } from './output.js';
import { StdoutWriter } from './stdout-writer.js';

/** A consumer that no broker takes in is given up after so long, and the time of `--idle-exit`. */
const JOIN_MS = 30_000;

interface SubOptions {
  group?: string;
  peek?: boolean;
  broadcast?: boolean;
  member?: string;
  from?: StartPosition;
  filter?: string;
  count?: number;
  idleExit?: number;
}

/**
 * `ringmq sub`: prints until `--count`, `--idle-exit`, a signal, or until nobody reads stdout; all of them
 * end with 0. A message is acked once all of its line was taken by stdout, and no other is. If the acks
 * cannot be committed, if the group never took it in, or if a queue could not be read on, it fails in the
 * end. With `--peek` it reads by itself, and there is nothing to ack; with `--broadcast` there is only with a
 * `--member` name.
 */
export async function runSub(command: Command, topic: string, options: SubOptions): Promise<void> {
  const { url, output } = sharedOptions(command);
  const { group } = options;
  if ((group === undefined) !== (options.peek === true)) {
    command.error(
      group === undefined
        ? "error: required option '--group <group>' not specified"
        : "error: option '--peek' cannot be used with option '--group <group>'",
    );
  }
  if (options.member !== undefined && options.broadcast !== true) {
    command.error("error: option '--member <name>' is for '--broadcast'");
  }
  const client = await openClient(url, { onConnection: connectionNotices(url) });
  const stop = new AbortController();
  const end = (): void => stop.abort();
  process.once('SIGINT', end).once('SIGTERM', end);
  const idle = new IdleTimer(options.idleExit, end);
  const troubles = new Troubles(idle);
  idle.begin();
  try {
    const consumer = client.consumer({
      group: group ?? 'peek',
      broadcast: options.peek === true || options.broadcast === true,
      memberName: options.member,
      topic,
      from: options.from,
      filter: options.filter,
      onWarning: (warning) => troubles.onWarning(warning),
    });
    // What ends it instead, reading ends with as well.
    consumer.assigned.then(
      () => troubles.onAssigned(),
      () => {},
    );
    await printMessages(consumer, options, output === 'json', stop, idle);
    // Closing would not say that it failed.
    await consumer.commit();
    await consumer.close();
    troubles.check();
  } finally {
    await client.close();
  }
}

/** What went wrong without ending the consumer. It is said at once, and decides the exit status. */
class Troubles {
  readonly #idle: IdleTimer;
  #isAssigned = false;
  #refusal: RingMQError | undefined;
  #damage: RingMQError | undefined;

  constructor(idle: IdleTimer) {
    this.#idle = idle;
  }

  onAssigned(): void {
    this.#isAssigned = true;
    this.#idle.restart();
  }

  onWarning(warning: ConsumerWarning): void {
    notice(warning.message);
    if (warning.type === 'damage') {
      this.#damage = warning.error;
    }
    if (warning.type === 'join-refused' && !this.#isAssigned) {
      // The time without a message runs from here: who is refused for good is not to wait for ever.
      if (this.#refusal === undefined) {
        this.#idle.restart();
      }
      this.#refusal = warning.error;
    }
  }

  check(): void {
    const trouble = this.#isAssigned ? this.#damage : (this.#refusal ?? this.#idle.neverBegan());
    if (trouble !== undefined) {
      throw trouble;
    }
  }
}

async function printMessages(
  consumer: Consumer,
  options: SubOptions,
  json: boolean,
  stop: AbortController,
  idle: IdleTimer,
): Promise<void> {
  const stdout = new StdoutWriter();
  let left = options.count ?? Number.POSITIVE_INFINITY;
  // Not `for await`, nor a signal for the loop: both leave the group, and what was acked is still to be
  // committed.
  const batches = consumer.batches();
  let wake = (): void => {};
  stop.signal.addEventListener('abort', () => wake(), { once: true });
  const next = () =>
    new Promise<MessageBatch | undefined>((resolve, reject) => {
      wake = () => resolve(undefined);
      batches.next().then(({ value }) => resolve(value), reject);
    });
  try {
    while (left > 0 && !stdout.closed && !stop.signal.aborted) {
      const batch = await next();
      idle.pause();
      if (batch === undefined) {
        return;
      }
      left -= await printAndAck(batch, json, left, stdout, stop.signal);
      if (left <= 0 || stdout.closed || stop.signal.aborted) {
        return;
      }
      idle.restart();
    }
  } finally {
    idle.pause();
  }
}

/** Prints one batch, or as much of it as may be; returns how many messages were printed and acked. */
async function printAndAck(
  batch: MessageBatch,
  json: boolean,
  limit: number,
  stdout: StdoutWriter,
  stop: AbortSignal,
): Promise<number> {
  const { bytes, ends, messages } = formatBatch(batch, json, limit);
  const taken = await stdout.write(bytes, stop);
  if (taken === bytes.length && messages.length === batch.length) {
    await batch.ack();
    return messages.length;
  }
  let printed = 0;
  while (printed < ends.length && (ends[printed] as number) <= taken) {
    await messages[printed]?.ack();
    printed++;
  }
  return printed;
}

/** Calls back when nothing happened for `ms`; without a time it never does. */
class IdleTimer {
  readonly #ms: number | undefined;
  readonly #onIdle: () => void;
  #timer: LongTimer | undefined;
  #isLate = false;

  constructor(ms: number | undefined, onIdle: () => void) {
    this.#ms = ms;
    this.#onIdle = onIdle;
  }

  /** It does not run while the group takes the consumer in, which is given so long for itself. */
  begin(): void {
    if (this.#ms !== undefined) {
      this.#timer = new LongTimer(this.#ms + JOIN_MS, () => {
        this.#isLate = true;
        this.#onIdle();
      });
    }
  }

  /** Why it ended, where that was before anything could be read. */
  neverBegan(): RingMQError | undefined {
    return this.#isLate
      ? new RingMQError(
          'TIMEOUT',
          `nothing could be read within ${JOIN_MS / 1_000} s and the time of --idle-exit; look whether a broker with the topic is up`,
        )
      : undefined;
  }

  restart(): void {
    this.pause();
    if (this.#ms !== undefined) {
      this.#timer = new LongTimer(this.#ms, this.#onIdle);
    }
  }

  /** While a batch is being printed the time does not run: a slow reader is not silence. */
  pause(): void {
    this.#timer?.cancel();
  }
}
