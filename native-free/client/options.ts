/** Checks of options given by the caller. */
import { NAME_PATTERN, RingMQError } from '../wire/index.js';

/** A whole or broken number within its bounds, or the default when absent. Throws `BAD_ARGUMENT` naming the option. */
export function numberOption(
  name: string,
  value: number | undefined,
  fallback: number,
  min: number,
  max: number,
): number {
  if (value === undefined) {
    return fallback;
  }
  if (typeof value === 'number' && value >= min && value <= max) {
    return value;
  }
  throw new RingMQError('BAD_ARGUMENT', `${name} must be between ${min} and ${max}, not ${String(value)}`, {
    details: { option: name, min, max, value },
  });
}

/** A group's name. Throws `BAD_ARGUMENT`. */
export function nameOption(name: string, value: unknown): string {
  if (typeof value === 'string' && NAME_PATTERN.test(value)) {
    return value;
  }
  throw new RingMQError(
    'BAD_ARGUMENT',
    `${name} must be 1–127 of A–Z a–z 0–9 . _ / -, not ${JSON.stringify(value) ?? String(value)}`,
    { details: { option: name, value } },
  );
}
