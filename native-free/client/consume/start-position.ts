/** Where reading is to begin, as callers write it. */
import type { StartPosition } from '../../wire/index.js';
import { badArgument } from '../options.js';

/** Where a group starts, as the wire has it. Throws `BAD_ARGUMENT` naming the option. */
export function startPosition(from: StartPosition | Date | undefined, option = 'from'): StartPosition {
  if (from === undefined || from === 'earliest' || from === 'latest') {
    return from ?? 'earliest';
  }
  // Read once: what was checked is what is sent.
  const { time, offset } = (from instanceof Date ? { time: from.getTime() } : Object(from)) as Partial<
    Record<'time' | 'offset', unknown>
  >;
  if (offset === undefined && isPosition(time)) {
    return { time };
  }
  if (time === undefined && isPosition(offset)) {
    return { offset };
  }
  throw badArgument(option, 'must be earliest, latest, a Date, { time } or { offset }');
}

function isPosition(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
