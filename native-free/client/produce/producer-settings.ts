/** A producer's options, checked and completed. */
import { isRingMQError, MAX_NAME_BYTES } from '../../wire/index.js';
import {
  badArgument,
  callbackOption,
  checkOptions,
  countOption,
  kindOf,
  nameOption,
  numberOption,
  type OptionNames,
  signalOption,
  takeOptions,
} from '../options.js';
import type { ProducerOptions, SendOptions, WriteOptions } from '../types.js';
import { MAX_SPAN } from './send-window.js';

/**
 * Less than 64 batches of 64 KiB, so what is packed is sent at once, out of the cache; batches that queue up
 * behind what is under way are cold by then, which cost a sixth of the rate.
 */
const DEFAULT_BUFFER_BYTES = 3 * 1024 * 1024;

export interface ProducerSettings {
  group: string;
  bufferBytes: number;
  batchBytes: number;
  batchRecords: number;
  /** undefined: batches wait for company only while others are under way. */
  lingerMs: number | undefined;
  maxInFlight: number;
  timeoutMs: number;
  onError: ProducerOptions['onError'];
  /** Messages with a sharding key go elsewhere while their master is away. */
  movesKeys: boolean;
}

const PRODUCER_OPTIONS: OptionNames<ProducerOptions> = {
  group: true,
  batchBytes: true,
  batchRecords: true,
  lingerMs: true,
  maxInFlightBatches: true,
  bufferBytes: true,
  sendTimeoutMs: true,
  onError: true,
  onMasterLost: true,
};
const WRITE_OPTIONS: OptionNames<WriteOptions> = { flush: true, queueId: true, brokerSet: true };
const SEND_OPTIONS: OptionNames<SendOptions> = { ...WRITE_OPTIONS, signal: true };

/** One write's options as they are now: what is checked is what is used. Throws `BAD_ARGUMENT` naming what cannot be used. */
export function takeWriteOptions(options: WriteOptions): WriteOptions {
  checkOptions('write', options, WRITE_OPTIONS);
  return takeReadable('write', takeWishes, options);
}

/** The same for a send's. */
export function takeSendOptions(options: SendOptions): SendOptions {
  checkOptions('send', options, SEND_OPTIONS);
  return takeReadable('send', takeSend, options);
}

function takeSend(options: SendOptions): SendOptions {
  const { flush, queueId, brokerSet, signal } = options;
  signalOption(signal);
  const taken = { flush, queueId, brokerSet, signal };
  checkWishes(taken);
  return taken;
}

function takeWishes(options: WriteOptions): WriteOptions {
  const { flush, queueId, brokerSet } = options;
  const taken = { flush, queueId, brokerSet };
  checkWishes(taken);
  return taken;
}

/** What a getter throws is told as what it is: options that cannot be used. */
function takeReadable<T>(what: string, take: (options: T) => T, options: T): T {
  try {
    return take(options);
  } catch (error) {
    throw isRingMQError(error) ? error : badArgument(what, 'has options that cannot be read');
  }
}

function checkWishes({ flush, queueId, brokerSet }: WriteOptions): void {
  if (flush !== undefined && flush !== 'sync' && flush !== 'async') {
    throw badArgument('flush', `must be sync or async, not ${kindOf(flush)}`);
  }
  // Numbers are compared with the topic's queues, once those are known.
  if (queueId !== undefined && typeof queueId !== 'number') {
    throw badArgument('queueId', `must be a number, not ${kindOf(queueId)}`);
  }
  // As they are: whether there is such a set is known with the topic.
  if (brokerSet !== undefined && (typeof brokerSet !== 'string' || brokerSet.length > MAX_NAME_BYTES)) {
    throw badArgument(
      'brokerSet',
      `must be a name of at most ${MAX_NAME_BYTES} bytes, not ${kindOf(brokerSet)}`,
    );
  }
}

/** Throws `BAD_ARGUMENT` naming the option that cannot be used. */
export function producerSettings(given: ProducerOptions): ProducerSettings {
  const options = takeOptions('producer', given, PRODUCER_OPTIONS);
  const { lingerMs, onMasterLost, onError } = options;
  callbackOption('onError', onError);
  if (onMasterLost !== undefined && onMasterLost !== 'wait' && onMasterLost !== 'move') {
    throw badArgument('onMasterLost', `must be 'wait' or 'move', not ${kindOf(onMasterLost)}`);
  }
  return {
    group: nameOption('group', options.group ?? 'default'),
    bufferBytes: countOption('bufferBytes', options.bufferBytes, DEFAULT_BUFFER_BYTES, 1024, 1024 ** 3),
    batchBytes: countOption('batchBytes', options.batchBytes, 64 * 1024, 1024, 1024 * 1024),
    batchRecords: countOption('batchRecords', options.batchRecords, 4096, 1, 65_535),
    lingerMs: lingerMs === undefined ? undefined : numberOption('lingerMs', lingerMs, 0, 0, 60_000),
    maxInFlight: countOption('maxInFlightBatches', options.maxInFlightBatches, MAX_SPAN, 1, MAX_SPAN),
    onError,
    movesKeys: onMasterLost === 'move',
    timeoutMs: numberOption('sendTimeoutMs', options.sendTimeoutMs, 30_000, 1, 86_400_000),
  };
}
