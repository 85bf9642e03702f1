/** Where reading is to begin, as callers write it. */
import type { StartPosition } from '../../wire/index.js';
import { badArgument, kindOf } from '../options.js';

/** Where a group starts, as the wire has it. Throws `BAD_ARGUMENT` naming the option. */
export function startPosition(from: StartPosition | Date | undefined, option = 'from'): StartPosition {
  if (from === undefined || from === 'earliest' || from === 'latest') {
    return from ?? 'earliest';
  }
  const { time, offset } = placeIn(from, option);
  if (offset === undefined && isPosition(time)) {
    return { time };
  }
  if (time === undefined && isPosition(offset)) {
    return { offset };
  }
  if (typeof time === 'number' && time < 0) {
    throw badArgument(option, 'is a time before 1970, when there were no messages: use earliest');
  }
  if (Number.isNaN(time)) {
    throw badArgument(option, 'is an invalid time');
  }
  throw badArgument(option, 'must be earliest, latest, a Date, { time } or { offset }');
}

/** Read once: what was checked is what is sent. */
function placeIn(from: StartPosition | Date, option: string): Partial<Record<'time' | 'offset', unknown>> {
  try {
    if (from instanceof Date) {
      return { time: from.getTime() };
    }
    const { time, offset } = Object(from) as Partial<Record<'time' | 'offset', unknown>>;
    return { time, offset };
  } catch {
    throw badArgument(option, `cannot be read: ${kindOf(from)}`);
  }
}

function isPosition(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
