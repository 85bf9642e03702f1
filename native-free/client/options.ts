/** Checks of what callers give: at the call, so that a mistake is told to who made it, and never reaches the wire. */
import { utf8Length } from '../batch/text.js';
import { NAME_PATTERN, RingMQError } from '../wire/index.js';
import type { CallOptions } from './call-options.js';

/** The names an options object may have. Written as a record, so that the compiler asks for every one. */
export type OptionNames<T> = Readonly<Record<keyof Required<T>, true>>;

/** Names known from other brokers' clients, and what is meant by them here. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  acks: "flush: 'sync' | 'async' of a send says when it is acked",
  ack: "flush: 'sync' | 'async' of a send says when it is acked",
  autoCommit: 'call ack() for each message, or use run()',
  brokers: 'the first argument of connect is the address',
  clientId: 'name',
  concurrency: 'concurrency is an option of run()',
  fromBeginning: "from: 'earliest'",
  groupId: 'group',
  idempotent: 'every producer is idempotent',
  key: 'keys, or shardingKey for messages that must stay in order',
  headers: 'properties',
  linger: 'lingerMs',
  messageGroup: 'shardingKey',
  numPartitions: 'queues',
  partition: 'queueId, an option of the call',
  partitions: 'queues',
  password: "credentials: { scheme: 'scram', user, password }",
  queue: 'topic',
  tags: 'tag',
  timeout: 'requestTimeoutMs, sendTimeoutMs or connectTimeoutMs',
  timestamp: 'bornTime',
  token: "credentials: { scheme: 'jwt', token }",
  topics: 'topic, which takes several',
  username: "credentials: { scheme: 'scram', user, password }",
  value: 'body',
};

/** An argument that cannot be used, by its name. */
export function badArgument(name: string, what: string, details: Record<string, unknown> = {}): RingMQError {
  return new RingMQError('BAD_ARGUMENT', `${name} ${what}`, { details: { option: name, ...details } });
}

/** What a value is, in a word or two, for a sentence. */
export function kindOf(value: unknown): string {
  try {
    return kind(value);
  } catch {
    return 'an object that cannot be looked at';
  }
}

function kind(value: unknown): string {
  if (value === null) {
    return 'null';
  }
  if (Array.isArray(value)) {
    return 'an array';
  }
  if (typeof value === 'string') {
    return value.length > 64 ? `a string of ${value.length} characters` : JSON.stringify(value);
  }
  if (typeof value === 'object') {
    const name = (value as { constructor?: { name?: unknown } }).constructor?.name;
    return typeof name === 'string' && name !== '' && name !== 'Object' ? `a ${name}` : 'an object';
  }
  if (typeof value === 'function' || typeof value === 'symbol') {
    return `a ${typeof value}`;
  }
  return typeof value === 'bigint' ? `${value}n` : String(value);
}

/**
 * True for an object that is neither an array nor a map, a date or the like. Objects of a caller's own
 * classes count.
 */
export function isOptionsObject(value: unknown): value is object {
  try {
    return (
      typeof value === 'object' &&
      value !== null &&
      !Array.isArray(value) &&
      !ArrayBuffer.isView(value) &&
      Object.prototype.toString.call(value) === '[object Object]'
    );
  } catch {
    // A proxy that was revoked, say.
    return false;
  }
}

/**
 * An options object without unknown names; undefined values count as absent. Throws `BAD_ARGUMENT` that names
 * what is wrong and what may have been meant.
 */
export function checkOptions<T extends object>(
  what: string,
  options: T | undefined,
  known: OptionNames<T>,
): void {
  if (options === undefined) {
    return;
  }
  if (!isOptionsObject(options)) {
    throw badArgument(what, `must be an object of options, not ${kindOf(options)}`);
  }
  for (const name of namesIn(what, options)) {
    if (!Object.hasOwn(known, name) && readPart(options, name as keyof T & string) !== undefined) {
      throw unknownOption(what, name, Object.keys(known));
    }
  }
}

/**
 * The options as they are now, in an object that nobody else has: each is read once, so that what is checked
 * is what is used. undefined stands for none. Throws `BAD_ARGUMENT` as {@link checkOptions}, and for what
 * cannot be read.
 */
export function takeOptions<T extends object>(
  what: string,
  options: T | undefined,
  known: OptionNames<T>,
): T {
  const taken = {} as T;
  if (options === undefined) {
    return taken;
  }
  checkOptions(what, options, known);
  for (const name in known) {
    const value = readPart(options, name);
    if (value !== undefined) {
      taken[name] = value as T[typeof name];
    }
  }
  return taken;
}

/** Also of what has them from a class of its own. */
function namesIn(what: string, options: object): string[] {
  const names: string[] = [];
  try {
    for (const name in options) {
      names.push(name);
    }
  } catch (error) {
    throw badArgument(what, `must be an object that can be read: ${reasonOf(error)}`);
  }
  return names;
}

/** A part of what a caller gave; getters and proxies may throw. Throws `BAD_ARGUMENT` naming it. */
function readPart<T extends object>(from: T, name: keyof T & string): unknown {
  try {
    return from[name];
  } catch (error) {
    throw badArgument(name, `cannot be read: ${reasonOf(error)}`);
  }
}

/** What somebody else's code has thrown, as far as a sentence has room for it. */
function reasonOf(error: unknown): string {
  try {
    return String(error).slice(0, 200);
  } catch {
    return 'no reason that could be told';
  }
}

/** An object that must be there. */
export function takeGiven<T extends object>(call: string, given: T | undefined, names: OptionNames<T>): T {
  if (given === undefined) {
    throw badArgument(call, `needs an object with ${Object.keys(names).join(', ')}`);
  }
  return takeOptions(call, given, names);
}

/** The items of a list, none left out. Throws `BAD_ARGUMENT` for what is none, or has too few or too many. */
export function listOption(name: string, value: unknown, min: number, max: number): unknown[] {
  let items: unknown[] | undefined;
  let length: number | undefined;
  try {
    if (Array.isArray(value)) {
      ({ length } = value);
      if (length >= min && length <= max) {
        items = Array.from(value);
      }
    }
  } catch (error) {
    throw badArgument(name, `cannot be read: ${reasonOf(error)}`);
  }
  if (items === undefined) {
    const what = length === undefined ? kindOf(value) : `one of ${length}`;
    throw badArgument(name, `must be a list of ${min} to ${max}, not ${what}`, { limit: max });
  }
  return items;
}

/** Options that a later version is to have, each under what it is of. */
const LATER: ReadonlySet<string> = new Set(['consumer sql', 'consumer ordered', 'producer check']);

function unknownOption(what: string, name: string, known: readonly string[]): RingMQError {
  if (LATER.has(`${what} ${name}`)) {
    return new RingMQError('NOT_SUPPORTED', `this version has no ${name} of a ${what}`, {
      details: { option: name, of: what },
    });
  }
  const elsewhere = Object.hasOwn(ELSEWHERE, name) ? ELSEWHERE[name] : undefined;
  const meant = elsewhere === undefined ? nearest(name, known) : elsewhere;
  const hint = meant === undefined ? `there are ${known.join(', ')}` : `did you mean ${meant}?`;
  return badArgument(name, `is no option of ${what}; ${hint}`, { of: what });
}

/** The known name that differs least, if it differs by little; letters' case does not count. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase().slice(0, 64), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Letters to add, leave out or replace to make one of the other. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}

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
  throw new RingMQError('BAD_ARGUMENT', `${name} must be between ${min} and ${max}, not ${kindOf(value)}`, {
    details: { option: name, min, max, value: plainOf(value) },
  });
}

/** As {@link numberOption}, for what is counted. */
export function countOption(
  name: string,
  value: number | undefined,
  fallback: number,
  min: number,
  max: number,
): number {
  const count = numberOption(name, value, fallback, min, max);
  if (!Number.isInteger(count)) {
    throw badArgument(name, `must be a whole number, not ${count}`, { min, max, value: count });
  }
  return count;
}

export function booleanOption(name: string, value: boolean | undefined, fallback: boolean): boolean {
  if (value === undefined || typeof value === 'boolean') {
    return value ?? fallback;
  }
  throw badArgument(name, `must be true or false, not ${kindOf(value)}`);
}

/** Text of at most so many bytes of UTF-8. Throws `BAD_ARGUMENT`. */
export function textOption(name: string, value: string | undefined, maxBytes: number): string | undefined {
  if (value === undefined) {
    return undefined;
  }
  if (typeof value !== 'string') {
    throw badArgument(name, `must be a string, not ${kindOf(value)}`);
  }
  const bytes = utf8Length(value);
  if (bytes > maxBytes) {
    throw badArgument(name, `has ${bytes} bytes, the limit is ${maxBytes}`, {
      limit: maxBytes,
      value: bytes,
    });
  }
  return value;
}

/** Throws `BAD_ARGUMENT` for a callback that cannot be called. */
export function callbackOption(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'function') {
    throw badArgument(name, `must be a function, not ${kindOf(value)}`);
  }
}

/** Throws `BAD_ARGUMENT` for what is no AbortSignal. One of another realm or library will do, if it works like one. */
export function signalOption(value: unknown): void {
  if (value !== undefined && !isSignal(value)) {
    throw badArgument('signal', `must be an AbortSignal, not ${kindOf(value)}`);
  }
}

function isSignal(value: unknown): boolean {
  try {
    const signal = value as Partial<AbortSignal> | null;
    return (
      value instanceof AbortSignal ||
      (typeof signal === 'object' &&
        typeof signal?.aborted === 'boolean' &&
        typeof signal.addEventListener === 'function' &&
        typeof signal.removeEventListener === 'function')
    );
  } catch {
    return false;
  }
}

const CALL_OPTIONS: OptionNames<CallOptions> = { signal: true };

/** The options that every call takes, as they are now. Throws `BAD_ARGUMENT`. */
export function takeCallOptions(what: string, options: CallOptions | undefined): CallOptions {
  const taken = takeOptions(what, options, CALL_OPTIONS);
  signalOption(taken.signal);
  return taken;
}

/** Closes, with the options that `close` was given. What is wrong with them rejects, as all does that closing comes to. */
export function closeWith(
  options: CallOptions | undefined,
  close: (how: CallOptions) => Promise<void>,
): Promise<void> {
  let how: CallOptions;
  try {
    how = takeCallOptions('close', options);
  } catch (error) {
    return Promise.reject(error);
  }
  return close(how);
}

/** A group's or topic's name. Throws `BAD_ARGUMENT`. */
export function nameOption(name: string, value: unknown): string {
  if (typeof value === 'string' && NAME_PATTERN.test(value)) {
    return value;
  }
  throw badArgument(name, `must be 1–127 of A–Z a–z 0–9 . _ / -, not ${kindOf(value)}`, {
    value: plainOf(value),
  });
}

/** As {@link nameOption}; `%` begins the broker's own topics and groups, which may be looked at by name. */
export function anyNameOption(name: string, value: unknown): string {
  if (typeof value === 'string' && NAME_PATTERN.test(value.startsWith('%') ? value.slice(1) : value)) {
    return value;
  }
  return nameOption(name, value);
}

/** A value for an error's details: only what can be printed and copied. */
function plainOf(value: unknown): unknown {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? value
    : kindOf(value);
}
