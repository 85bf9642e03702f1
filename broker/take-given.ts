/** The options of what opens something, as they are at the call. */
import type { CallOptions } from '../native-free/client/call-options.js';
import { isOptionsObject, kindOf, signalOption } from '../native-free/client/options.js';
import { RingMQError } from '../native-free/wire/index.js';

/**
 * A copy of the options, so that what is checked is what is used. Which names there may be is the schema's to
 * say.
 * @throws RingMQError BAD_CONFIG (no object of options, or one that cannot be read), BAD_ARGUMENT (its
 * signal)
 */
export function takeGiven<T extends CallOptions>(call: string, options: T): T {
  if (!isOptionsObject(options)) {
    throw new RingMQError('BAD_CONFIG', `${call} takes an object of options, not ${kindOf(options)}`);
  }
  let taken: T;
  try {
    taken = { ...options };
  } catch (error) {
    throw new RingMQError('BAD_CONFIG', `the options of ${call} cannot be read`, { cause: error });
  }
  signalOption(taken.signal);
  return taken;
}
