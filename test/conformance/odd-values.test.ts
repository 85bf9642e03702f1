/**
 * Every public function, with everything that a program may give it by mistake: it works, or it is refused at the call, by a code and the name of
 * what cannot be used. The table must have each function that there is.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as library from '../../broker/index.js';
import { isRingMQError } from '../../native-free/wire/index.js';
import { makeDirectory, removeDirectory, SMALL } from '../faults/small-broker.js';
import {
  ADMIN,
  BROKER,
  type Call,
  CLIENT,
  CONSUMER,
  closeSpareBroker,
  EXPORTS,
  INTERNAL,
  type Place,
  PRODUCER,
} from './odd-calls.js';
import { ODD } from './odd-list.js';
import { EACH_AND_CLUSTER, Rig } from './rig.js';

/** What a mistake may be refused with. */
const REFUSALS = [
  'BAD_ARGUMENT',
  'BAD_MESSAGE',
  'BAD_CONFIG',
  'BAD_FILTER',
  'NOT_SUPPORTED',
  'MESSAGE_TOO_LARGE',
  'BAD_FRAME',
];

/** Taken for no options at all. */
function isEmptyObject(value: unknown): boolean {
  try {
    return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
  } catch {
    return false;
  }
}

function* mistakes(
  place: Place,
  call: Call,
): Generator<[what: string, name: string | null, args: unknown[]]> {
  const sound = () => call.args(place);
  for (let i = 0; i <= sound().length; i++) {
    for (const [what, value] of ODD) {
      const args = sound();
      const given = args[i];
      if (i < args.length && !(call.fixed !== undefined && isEmptyObject(value))) {
        args[i] = value;
        yield [`argument ${i}: ${what}`, null, args];
      }
      if (typeof given !== 'object' || given === null || Array.isArray(given) || 'log' in given) {
        continue;
      }
      for (const name of Object.keys(given)) {
        // Any function is sound where one is asked for, and what it throws is its own business.
        const isCallback = typeof (given as Record<string, unknown>)[name] === 'function';
        if (call.fixed?.includes(name) || (isCallback && typeof value === 'function')) {
          continue;
        }
        const changed = sound();
        changed[i] = { ...given, [name]: value };
        yield [`${name}: ${what}`, name, changed];
      }
    }
    const args = sound();
    const given = args[i];
    if (typeof given === 'object' && given !== null && !Array.isArray(given) && !('log' in given)) {
      args[i] = { ...given, notAnOption: 1 };
      yield ['an unknown option', 'notAnOption', args];
    }
  }
}

/** What is wrong with how a call ended; null: nothing. */
async function faultOf(
  on: object | undefined,
  name: string,
  args: unknown[],
  what: string,
  option: string | null,
  { end, goesOn, late = [] }: Call,
): Promise<string | null> {
  let result: unknown;
  let error: unknown;
  let atOnce = true;
  let failed = false;
  try {
    const fn =
      on === undefined
        ? (library as unknown as Record<string, unknown>)[name]
        : (on as Record<string, unknown>)[name];
    result = (fn as (...a: unknown[]) => unknown).apply(on, args);
    if (name === 'run' || name === 'batches') {
      (result as Promise<void>).catch?.(() => undefined);
      const first = await Promise.race([
        Promise.resolve(name === 'batches' ? 0 : result).then(() => 'done'),
        new Promise((resolve) => setImmediate(() => resolve('goes on'))),
      ]);
      if (first === 'goes on') {
        await end?.(on as object, result);
        return option === 'notAnOption' ? 'unknown option taken' : null;
      }
    }
    const later = new Promise((resolve) => setImmediate(() => resolve('later')));
    const outcome = Promise.resolve(result).then(
      (value) => ({ value }),
      (e: unknown) => ({ e }),
    );
    const first = await Promise.race([outcome, later]);
    atOnce = first !== 'later';
    const limit = new Promise((resolve) => setTimeout(() => resolve('hangs'), goesOn ? 50 : 10_000));
    const settled = (await Promise.race([outcome, limit])) as { value?: unknown; e?: unknown } | 'hangs';
    if (settled === 'hangs') {
      void outcome.then((late) => ('value' in late ? end?.(on as object, late.value) : undefined));
      return goesOn ? null : 'hangs';
    }
    if ('e' in settled) {
      failed = true;
      error = settled.e;
    } else {
      result = settled.value;
    }
  } catch (thrown) {
    failed = true;
    error = thrown;
  }
  await end?.(on as object, failed ? undefined : result);
  if (!failed) {
    return option === 'notAnOption' ? 'unknown option taken' : null;
  }
  const isOfMessage = ['send', 'sendBatch', 'write'].includes(name);
  if (isOfMessage && (what === 'getters that throw' || what === 'revoked proxy')) {
    return null; // What reading a message throws comes back as it is.
  }
  if (!isRingMQError(error)) {
    return `no RingMQError: ${String((error as Error)?.stack ?? error).slice(0, 300)}`;
  }
  const { code, details } = error;
  if (code === 'INTERNAL') {
    return `INTERNAL: ${error.message.slice(0, 200)}`;
  }
  if (error.message.length > 2000) {
    return `${code} with a message of ${error.message.length} characters`;
  }
  if (REFUSALS.includes(code)) {
    if (!atOnce && !late.includes(option ?? '')) {
      return `${code}, but only later: ${error.message.slice(0, 100)}`;
    }
    const words = option === 'keys' ? 'key' : option === 'properties' ? 'propert' : option;
    if (
      what !== 'getters that throw' &&
      what !== 'revoked proxy' &&
      code !== 'MESSAGE_TOO_LARGE' &&
      code !== 'BAD_CONFIG' &&
      option !== null &&
      details['option'] !== option &&
      details['part'] !== option &&
      !error.message.includes(words as string)
    ) {
      return `${code} does not name it: ${error.message.slice(0, 200)}`;
    }
  } else if (option === 'notAnOption') {
    return `unknown option: ${code}`;
  }
  return null;
}

/** Functions of a public object that the table must have. */
function functionsOf(object: object): string[] {
  const names = new Set<string>();
  for (let at = object; at !== Object.prototype && at !== null; at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at)) {
      const property = Object.getOwnPropertyDescriptor(at, name);
      if (name !== 'constructor' && typeof property?.value === 'function') {
        names.add(name);
      }
    }
  }
  return [...names].sort();
}

describe.each(EACH_AND_CLUSTER.filter(({ name }) => name === 'embedded' || name === 'cluster'))(
  '$name',
  (one) => {
    const rig = new Rig(one, { flush: 'async' });
    const directory = makeDirectory();
    let place: Place;
    beforeAll(async () => {
      await rig.open();
      const client = await rig.client();
      const broker = await library.openBroker({ ...SMALL, dataDir: directory });
      await client.admin().createTopic({ topic: 'sound', queues: 1 });
      await client.producer().send({ topic: 'sound', body: '1' });
      place = { rig, client, topic: 'sound', broker, directory };
    });
    afterAll(async () => {
      await rig.closeClients();
      await rig.close();
      await place.broker.close();
      await closeSpareBroker();
      removeDirectory(directory);
    });
    for (const [kind, table] of Object.entries({
      ADMIN,
      PRODUCER,
      CONSUMER,
      CLIENT,
      ...(one.name === 'embedded' ? { BROKER, EXPORTS } : {}),
    })) {
      test(`${kind} names`, async () => {
        if (kind === 'EXPORTS') {
          const functions = Object.entries(library).filter(
            ([, value]) => typeof value === 'function' && !/^class /.test(String(value)),
          );
          const names = functions.map(([name]) => name).filter((name) => name !== 'isRingMQError');
          expect(names.sort()).toEqual(Object.keys(table).sort());
          return;
        }
        const on = (await (Object.values(table)[0] as Call).on?.(place)) as object;
        const internal = INTERNAL[kind] ?? [];
        expect(functionsOf(on).filter((name) => !internal.includes(name))).toEqual(Object.keys(table).sort());
      });
      for (const [name, call] of Object.entries(table)) {
        test(`${kind} ${name}`, async () => {
          const faults: string[] = [];
          for (const [what, option, args] of mistakes(place, call)) {
            const on = await call.on?.(place);
            const fault = await faultOf(on, name, args, what.slice(what.indexOf(':') + 2), option, call);
            if (fault !== null) {
              faults.push(`${what}: ${fault}`);
            }
          }
          expect(faults.join('\n')).toBe('');
        }, 120_000);
      }
    }
  },
);
