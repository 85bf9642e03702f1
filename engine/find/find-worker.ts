/** Entry of the pool that looks for messages: one search at a time, off the broker's threads. */
import { Packr } from 'msgpackr';
import { workerData } from 'piscina';
import { isRingMQError, RingMQError } from '../../native-free/wire/index.js';
import { diskErrorCode, isShortOfResources } from '../disk/index.js';
import { shortageIn } from '../thread/shortage.js';
import type { FindRequest } from './find-request.js';
import { type FinderMemory, LogFinder } from './log-finder.js';

/** What a thread answers: an error of ours would come as one that nobody knows. */
export type FindOutcome =
  | { answer: Uint8Array }
  | { error: { code: RingMQError['code']; message: string; details: Record<string, unknown> } };

const PACKR = new Packr({ useRecords: false, variableMapSize: true });
const finder = new LogFinder(workerData as FinderMemory);

export function run(request: FindRequest): FindOutcome {
  try {
    return { answer: Uint8Array.prototype.slice.call(PACKR.pack(finder.find(request))) };
  } catch (error) {
    const told = isRingMQError(error) ? error : toldOf(error);
    return { error: { code: told.code, message: told.message, details: { ...told.details } } };
  }
}

/** What is short may be there again for the next search. */
function toldOf(error: unknown): RingMQError {
  return isShortOfResources(error)
    ? new RingMQError(
        'BROKER_BUSY',
        `messages cannot be looked for: ${shortageIn(diskErrorCode(error) ?? '')}`,
      )
    : new RingMQError('INTERNAL', String(error));
}
