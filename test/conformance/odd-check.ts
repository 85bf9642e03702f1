/** Calls a function with everything that a program may give it by mistake, and looks at how each call ends. Runs in Node and in a page alike. */
import { isRingMQError } from 'ringmq/client';
import type { Call, Place } from './odd-calls.js';
import type { Odd } from './odd-list.js';

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

function* mistakes<P extends Place>(
  place: P,
  call: Call<P>,
  odd: Odd,
): Generator<[what: string, name: string | null, args: unknown[]]> {
  const sound = () => call.args(place);
  for (let i = 0; i <= sound().length; i++) {
    for (const [what, value] of odd) {
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

/** How a call ended. */
type Ending =
  | { how: 'answered'; value: unknown }
  | { how: 'failed'; error: unknown; atOnce: boolean }
  /** It was taken, and ended because nobody waits for it. */
  | { how: 'at work' }
  | { how: 'hangs' };

async function endingOf<P extends Place>(
  on: object,
  name: string,
  args: unknown[],
  { end, goesOn }: Call<P>,
): Promise<Ending> {
  try {
    const result = ((on as Record<string, unknown>)[name] as (...a: unknown[]) => unknown).apply(on, args);
    if (name === 'run' || name === 'batches') {
      (result as Promise<void>).catch?.(() => undefined);
      const first = await Promise.race([
        Promise.resolve(name === 'batches' ? 0 : result).then(() => 'done'),
        turn('goes on'),
      ]);
      if (first === 'goes on') {
        await end?.(on, result);
        return { how: 'at work' };
      }
    }
    const later = turn('later');
    const outcome = Promise.resolve(result).then(
      (value) => ({ value }),
      (e: unknown) => ({ e }),
    );
    const atOnce = (await Promise.race([outcome, later])) !== 'later';
    let timer: ReturnType<typeof setTimeout> | undefined;
    const limit = new Promise((resolve) => {
      timer = setTimeout(() => resolve('hangs'), goesOn ? 50 : 60_000);
    });
    const settled = (await Promise.race([outcome, limit])) as { value: unknown } | { e: unknown } | 'hangs';
    clearTimeout(timer);
    if (settled === 'hangs') {
      void outcome.then((late) => ('value' in late ? end?.(on, late.value) : undefined));
      return { how: 'hangs' };
    }
    return 'e' in settled
      ? { how: 'failed', error: settled.e, atOnce }
      : { how: 'answered', value: settled.value };
  } catch (error) {
    return { how: 'failed', error, atOnce: true };
  }
}

/** What is wrong with how a call ended; null: nothing. */
async function faultOf<P extends Place>(
  on: object,
  name: string,
  args: unknown[],
  what: string,
  option: string | null,
  call: Call<P>,
): Promise<string | null> {
  const ending = await endingOf(on, name, args, call);
  if (ending.how === 'hangs') {
    return call.goesOn ? null : 'hangs';
  }
  if (ending.how !== 'at work') {
    await call.end?.(on, ending.how === 'answered' ? ending.value : undefined);
  }
  if (ending.how !== 'failed') {
    return option === 'notAnOption' ? 'unknown option taken' : null;
  }
  const isOfMessage = ['send', 'sendBatch', 'write'].includes(name);
  if (isOfMessage && (what === 'getters that throw' || what === 'revoked proxy')) {
    return null; // What reading a message throws comes back as it is.
  }
  if (name === 'run' && what === 'class') {
    return null; // It is a function, and what a handler throws comes back as it is: there may be a message by then.
  }
  return faultOfError(ending, what, option, call.late ?? []);
}

/** What is wrong with the error that a mistake has ended in. */
function faultOfError(
  { error, atOnce }: { error: unknown; atOnce: boolean },
  what: string,
  option: string | null,
  late: readonly string[],
): string | null {
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
  if (!REFUSALS.includes(code)) {
    return option === 'notAnOption' ? `unknown option: ${code}` : null;
  }
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
  return null;
}

/** After what is due in this turn of the event loop, and before an answer from afar. */
function turn<T>(value: T): Promise<T> {
  if (typeof setImmediate === 'function') {
    return new Promise((resolve) => setImmediate(() => resolve(value)));
  }
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close();
      resolve(value);
    };
    port2.postMessage(null);
  });
}

/** A line for each mistake that did not end as it should. `exported` has the function where it is called on nothing. */
export async function faultsOf<P extends Place>(
  place: P,
  name: string,
  call: Call<P>,
  odd: Odd,
  exported: object,
): Promise<string[]> {
  const faults: string[] = [];
  for (const [what, option, args] of mistakes(place, call, odd)) {
    const on = (await call.on?.(place)) ?? exported;
    const fault = await faultOf(on, name, args, what.slice(what.indexOf(':') + 2), option, call);
    if (fault !== null) {
      faults.push(`${name}, ${what}: ${fault}`);
    }
  }
  return faults;
}
