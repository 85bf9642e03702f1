import { InvalidArgumentError } from 'commander';
import { grantFault, limitFault, type UserLimit } from '../native-free/wire/access.js';
import { MAX_TOPIC_RETENTION_MS, MIN_TOPIC_RETENTION_MS, NAME_PATTERN } from '../native-free/wire/limits.js';
import { parseCount, parseDuration, parseHostPort, parseSize, parseStart } from './units.js';

/** Parsers of flag values for commander: a value that is not understood is wrong usage, exit status 2. */

export function durationFlag(text: string): number {
  return must(parseDuration(text), 'write a duration like 500ms, 30s, 5m, 2h or 7d');
}

/** A wait of any length: 1 ms or more. */
export function waitFlag(text: string): number {
  const ms = durationFlag(text);
  if (ms < 1) {
    throw new InvalidArgumentError('it must be at least 1ms');
  }
  return ms;
}

/** A topic's own retention: a second to ten years. */
export function topicRetentionFlag(text: string): number {
  const ms = durationFlag(text);
  if (ms < MIN_TOPIC_RETENTION_MS || ms > MAX_TOPIC_RETENTION_MS) {
    throw new InvalidArgumentError('it must be 1s to 3650d');
  }
  return ms;
}

/** Between two looks at something: 100 ms to an hour. */
export function intervalFlag(text: string): number {
  const ms = durationFlag(text);
  if (ms < 100 || ms > 3_600_000) {
    throw new InvalidArgumentError('it must be 100ms to 1h');
  }
  return ms;
}

/** A time without something: 50 ms to an hour. */
export function gapFlag(text: string): number {
  const ms = durationFlag(text);
  if (ms < 50 || ms > 3_600_000) {
    throw new InvalidArgumentError('it must be 50ms to 1h');
  }
  return ms;
}

/** A wait with an end: 1 ms to a day. */
export function timeoutFlag(text: string): number {
  const ms = durationFlag(text);
  if (ms < 1 || ms > 86_400_000) {
    throw new InvalidArgumentError('it must be 1ms to 1d');
  }
  return ms;
}

export function sizeFlag(text: string): number {
  return must(parseSize(text), 'write a size like 100, 64KiB or 1GiB');
}

/** 0 or more. */
export function countOrNoneFlag(text: string): number {
  return must(parseCount(text), 'write a whole number');
}

/** A user's limit a second, `none`, or `default`: as the broker's option says. */
export function userLimitFlag(limit: UserLimit): (text: string) => number | 'default' {
  return (text) => {
    if (text === 'default') {
      return text;
    }
    const value = text === 'none' ? 0 : limit === 'bytesPerSecond' ? sizeFlag(text) : countOrNoneFlag(text);
    if (limitFault(limit, value) !== null) {
      const least = limit === 'bytesPerSecond' ? '1KiB' : '1';
      throw new InvalidArgumentError(`it must be at least ${least}, or none, or default`);
    }
    return value;
  };
}

/** At least 1. */
export function countFlag(text: string): number {
  const count = must(parseCount(text), 'write a whole number');
  if (count < 1) {
    throw new InvalidArgumentError('it must be at least 1');
  }
  return count;
}

export function countUpTo(most: number): (text: string) => number {
  return (text) => {
    const count = countFlag(text);
    if (count > most) {
      throw new InvalidArgumentError(`it must be at most ${most}`);
    }
    return count;
  };
}

/** The first of several ports. */
export function portFlag(text: string): number {
  const port = countFlag(text);
  if (port > 65_000) {
    throw new InvalidArgumentError('it must be at most 65000');
  }
  return port;
}

/** A queue's number, from 0. */
export function queueFlag(text: string): number {
  return must(parseCount(text), 'write the number of a queue, from 0');
}

export function listenFlag(text: string): { host: string; port: number } {
  return must(parseHostPort(text), 'write HOST:PORT, like 127.0.0.1:9876');
}

export function startFlag(text: string): ReturnType<typeof parseStart> & {} {
  return must(parseStart(text), 'write earliest, latest, an offset, or a time like 2026-01-31T12:00:00Z');
}

/** Milliseconds since 1970. */
export function timeFlag(text: string): number {
  const place = parseStart(text);
  const time = typeof place === 'object' && place !== null && 'time' in place ? place.time : null;
  return must(time, 'write a time like 2026-01-31T12:00:00Z');
}

/** A topic's or group's name. */
export function nameArgument(text: string): string {
  if (!NAME_PATTERN.test(text)) {
    throw new InvalidArgumentError('a name is 1 to 127 of A-Z a-z 0-9 . _ / -');
  }
  return text;
}

/** What a right is on. */
export function resourceArgument(text: string): string {
  const fault = grantFault('manage', text);
  if (fault !== null) {
    throw new InvalidArgumentError(fault);
  }
  return text;
}

/** Several, with commas between them. */
export function namesFlag(text: string): string[] {
  return text.split(',').map((name) => nameArgument(name.trim()));
}

/** A broker's address, or name servers'. */
export function urlFlag(text: string): string {
  const urls = text.split(',').map((url) => url.trim());
  if (!urls.every((url) => /^wss?:\/\//.test(url) && URL.canParse(url))) {
    throw new InvalidArgumentError(
      'write a WebSocket address like ws://127.0.0.1:9876, or several with commas between them',
    );
  }
  return text;
}

/** For a flag that may be given many times. */
export function collect(text: string, before: string[] | undefined): string[] {
  return [...(before ?? []), text];
}

export function propertyFlag(
  text: string,
  before: Record<string, string> | undefined,
): Record<string, string> {
  const equals = text.indexOf('=');
  if (equals < 1) {
    throw new InvalidArgumentError('write NAME=VALUE');
  }
  return { ...before, [text.slice(0, equals)]: text.slice(equals + 1) };
}

function must<T>(value: T | null, how: string): T {
  if (value === null) {
    throw new InvalidArgumentError(how);
  }
  return value;
}
