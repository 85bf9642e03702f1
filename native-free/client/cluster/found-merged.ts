/** Messages found in several broker sets, as one answer; and the cursor that says where each set goes on. */
import type { FindResult } from '../../wire/index.js';
import type { FoundPage } from '../admin-requests.js';
import { badArgument } from '../options.js';
import type { SetAnswer } from './merged.js';

/** Where each set goes on: null from the beginning; one that is not named has told all. */
export type SetCursors = ReadonlyMap<string, string | null>;

const WHAT = 'is not one that an answer gave';

/** Throws `BAD_ARGUMENT`. */
export function setCursors(cursor: string): SetCursors {
  let parsed: unknown;
  try {
    parsed = JSON.parse(cursor);
  } catch {
    throw badArgument('cursor', WHAT);
  }
  const entries = typeof parsed === 'object' && parsed !== null ? Object.entries(parsed) : [];
  if (entries.length === 0 || entries.some(([, at]) => typeof at !== 'string' && at !== null)) {
    throw badArgument('cursor', WHAT);
  }
  return new Map(entries);
}

/**
 * The first `limit` messages of all sets in the order of their store times, each set's own in its order. Behind a set's page
 * that was cut short (by time, say) may come messages older than what the others have: these wait for the next call.
 * `missing`: sets that gave no answer; they are asked again with the next call. `before`: what was asked with.
 */
export function mergedFound(
  answers: readonly SetAnswer<FindResult>[],
  missing: readonly string[],
  before: SetCursors,
  limit: number,
): FoundPage {
  const sets = answers.map(({ set, value }) => ({ set, value, next: 0 }));
  const messages: FoundPage['messages'] = [];
  const isCut = ({ value, next }: (typeof sets)[number]): boolean =>
    next === value.messages.length && value.cursor !== null;
  while (messages.length < limit && !sets.some(isCut)) {
    let first: (typeof sets)[number] | undefined;
    for (const each of sets) {
      const time = each.value.messages[each.next]?.storeTime;
      if (time !== undefined && time < (first?.value.messages[first.next]?.storeTime ?? Infinity)) {
        first = each;
      }
    }
    const message = first?.value.messages[first.next];
    if (first === undefined || message === undefined) {
      break;
    }
    first.next++;
    messages.push({ brokerSet: first.set, ...message });
  }
  const cursors: Record<string, string | null> = Object.create(null) as Record<string, string | null>;
  for (const { set, value, next } of sets) {
    if (next === value.messages.length) {
      if (value.cursor !== null) {
        cursors[set] = value.cursor;
      }
    } else {
      const last = value.messages[next - 1];
      // The queue counts where they are gone through one by one.
      cursors[set] = last === undefined ? (before.get(set) ?? null) : `${last.queueId}/${last.messageId}`;
    }
  }
  for (const set of missing) {
    cursors[set] = before.get(set) ?? null;
  }
  const isComplete = Object.keys(cursors).length === 0;
  return {
    topic: answers.find(({ value }) => value.topic !== null)?.value.topic ?? null,
    messages,
    damage: answers.flatMap(({ set, value }) => value.damage.map((one) => ({ brokerSet: set, ...one }))),
    cursor: isComplete ? null : JSON.stringify(cursors),
    complete: isComplete,
    ...(missing.length === 0 ? {} : { missingSets: [...missing] }),
  };
}
