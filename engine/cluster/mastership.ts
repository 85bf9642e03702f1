/** Who is master, judged by what name servers answer. */
import type { MasterInfo, RegistrationAnswer } from '../../native-free/wire/index.js';

/**
 * Whether a broker that calls itself master has been replaced: somebody of its set has named a higher epoch,
 * or the name server gives another one the preference at the same.
 */
export function isReplaced(
  own: { name: string; epoch: number },
  { master, epoch }: Pick<RegistrationAnswer, 'master' | 'epoch'>,
): boolean {
  return epoch > own.epoch || (master !== null && master.name !== own.name && master.epoch >= own.epoch);
}

/** Of what several name servers say the one of the highest epoch; null: none of them knows one. */
export function bestMaster(said: Iterable<MasterInfo | null>): MasterInfo | null {
  let best: MasterInfo | null = null;
  for (const master of said) {
    best = master !== null && (best === null || master.epoch > best.epoch) ? master : best;
  }
  return best;
}
