/** A consumer's options, by name and kind. Their bounds are checked where they are used. */
import {
  badArgument,
  booleanOption,
  callbackOption,
  checkOptions,
  kindOf,
  type OptionNames,
  signalOption,
} from '../options.js';
import type { ConsumerOptions, RunOptions } from '../types.js';

const CONSUMER_OPTIONS: OptionNames<ConsumerOptions> = {
  group: true,
  topic: true,
  filter: true,
  from: true,
  windowBytes: true,
  verifyChecksums: true,
  commitIntervalMs: true,
  revokeGraceMs: true,
  signal: true,
  onAssigned: true,
  onRevoked: true,
};
const RUN_OPTIONS: OptionNames<RunOptions> = { signal: true, concurrency: true };

/** Throws `BAD_ARGUMENT` naming the option that is unknown or of the wrong kind. */
export function checkConsumerOptions(options: ConsumerOptions): void {
  if (options === undefined) {
    throw badArgument('consumer', 'needs an object with group and topic');
  }
  checkOptions('consumer', options, CONSUMER_OPTIONS);
  booleanOption('verifyChecksums', options.verifyChecksums, true);
  callbackOption('onAssigned', options.onAssigned);
  callbackOption('onRevoked', options.onRevoked);
  signalOption(options.signal);
}

/** The same for `run`. */
export function checkRun(handler: unknown, options: RunOptions | undefined): void {
  if (typeof handler !== 'function') {
    throw badArgument('handler', `must be a function, not ${kindOf(handler)}`);
  }
  checkOptions('run', options, RUN_OPTIONS);
  signalOption(options?.signal);
}
