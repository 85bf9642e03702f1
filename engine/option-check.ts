/** Options are checked where they are given; what is wrong is said in sentences that name the option. */
import { resolve } from 'node:path';
import { z } from 'zod';
import { RingMQError } from '../native-free/wire/index.js';
import { nearest } from './nearest.js';

/** What the system takes for a path, or for a host. A new one each time: what an option says of itself hangs on it. */
export const pathText = () =>
  z
    .string()
    .min(1)
    .max(4095)
    .refine((path) => !path.includes('\0'), { message: 'must be without a zero character' })
    .refine((path) => path === '' || path.trim() !== '', { message: 'must not be blank' });

/** Of a file that is read again later: where it lies does not change with the directory that the process is in. */
export const filePath = () => pathText().overwrite((path) => resolve(path));

/** So many faults are told at once. */
const MAX_FAULTS = 16;

/** Checks and completes options. Throws BAD_CONFIG with a sentence for each option that cannot be used; `what` is said of the whole. */
export function checkOptions<S extends z.ZodObject>(schema: S, given: unknown, what: string): z.output<S> {
  let faults: string[];
  try {
    const parsed = schema.safeParse(given, { reportInput: true });
    if (parsed.success) {
      return parsed.data;
    }
    faults = parsed.error.issues
      .slice(0, MAX_FAULTS)
      .flatMap((issue) => describeFault(issue, Object.keys(schema.shape), what))
      .slice(0, MAX_FAULTS);
  } catch (cause) {
    // Proxies and getters may throw while they are looked at.
    faults = [`${what} cannot be read`];
    throw new RingMQError('BAD_CONFIG', faults.join('; '), { cause, details: { faults } });
  }
  throw new RingMQError('BAD_CONFIG', faults.join('; '), { details: { faults } });
}

/** Sentences for what one check found: `flushIntervalMs must be 1 or more, not 0`. `names` are those that may have been meant. */
export function describeFault(issue: z.core.$ZodIssue, names: readonly string[], what: string): string[] {
  const name = issue.path.length === 0 ? what : issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.slice(0, MAX_FAULTS).map((key) => {
      const meant = issue.path.length === 0 ? nearest(key, names) : null;
      const path = [...issue.path, key].join('.');
      return `there is no option ${shown(path)}${meant === null ? '' : `, did you mean ${meant}?`}`;
    });
  }
  return [`${name} ${rule(issue)}`];
}

/** `not`: said behind what a value must be. */
function rule(issue: z.core.$ZodIssue, not = `, not ${shown(issue.input)}`): string {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${article(issue.expected)}${not}`;
    case 'invalid_value':
      return `must be ${issue.values.map(String).join(' or ')}${not}`;
    case 'too_small':
      return isText(issue.origin) ? 'must not be empty' : `must be at least ${issue.minimum}${not}`;
    case 'too_big':
      return isText(issue.origin)
        ? `must not be longer than ${issue.maximum}`
        : `must be at most ${issue.maximum}${not}`;
    case 'custom':
      return `${issue.message}${not}`;
    default:
      return `cannot be used: ${issue.message}`;
  }
}

/** The first fault of a request: which parameter, and `createTopic: queues must be a number`. What was given may be a secret, and is not said. */
export function describeParameter(
  method: string,
  { issues: [issue] }: z.ZodError,
): { parameter: string; sentence: string } {
  const parameter = issue?.path.join('.') ?? '';
  const what = parameter === '' ? 'its parameters' : parameter;
  return {
    parameter,
    sentence: `${method}: ${what} ${issue === undefined ? 'are malformed' : rule(issue, '')}`,
  };
}

const isText = (origin: string): boolean => origin === 'string' || origin === 'array';

function article(type: string): string {
  return (
    { int: 'a whole number', number: 'a number', object: 'an object', array: 'an array' }[type] ?? `a ${type}`
  );
}

function textOf(value: unknown): string {
  try {
    // Of a long text only what is shown: what stands for the rest would be as long.
    const part = typeof value === 'string' ? value.slice(0, 64) : value;
    return typeof part === 'bigint' ? `${part}n` : (JSON.stringify(part) ?? String(part));
  } catch {
    return 'an object that cannot be shown';
  }
}

/** A value as far as it fits into a line. */
function shown(value: unknown): string {
  const text = textOf(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
