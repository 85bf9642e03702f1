/** What of a join differs between members of a group and readers in none. */
import type { ControlMethods } from '../../wire/index.js';

type Join = ControlMethods['join']['params'];
export type JoinsAs = Pick<Join, 'memberId' | 'queueBase' | 'alone' | 'onDamage' | 'queueIds' | 'positions'>;

export function memberJoins(memberId: string | null, queueBase: number | null, alone: boolean): JoinsAs {
  return {
    ...{ memberId, onDamage: 'tell' },
    ...(queueBase === null ? {} : { queueBase }),
    ...(alone ? { alone } : {}),
  };
}

/** The broker keeps nothing of a reader: it says itself where it has been, `positions`, if it is still the same broker, else null. */
export function readerJoins(queueIds: readonly number[] | undefined, positions: Join['positions']): JoinsAs {
  return { memberId: null, onDamage: 'tell', queueIds: queueIds ?? null, positions: positions ?? null };
}
