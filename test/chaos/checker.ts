/**
 * Says whether a history keeps what the cluster promised, in the manner of Jepsen's total-queue test: each
 * message is attempted, acked, and seen or not. Pure: the same history gives the same verdict.
 */
import type { History, QueueName, Sighting } from './history.js';

/** What differs between the modes. */
export interface Promises {
  /** Nothing that was acked is lost, messages and commits, by whatever the run did. */
  losesNothing: boolean;
  /** No message lies in the log twice. False where producers may move a message to another master. */
  storesOnce: boolean;
}

export interface Verdict {
  attempted: number;
  acked: number;
  /** Refused, or never answered. */
  unacked: number;
  /** Acked and seen by nobody. */
  lost: string[];
  /** Different messages that were delivered. */
  delivered: number;
  /** Deliveries beyond a message's first: at least once allows them. */
  redelivered: number;
  /** Messages that lie in the log more than once. */
  duplicated: string[];
  /** Not acked, and there nevertheless. */
  recovered: number;
  /** What was broken, in words; empty when all holds. */
  faults: string[];
}

/** A run that goes wrong goes wrong thousands of times; so many are told of each kind. */
const TOLD = 10;

export function checkHistory(history: History, promises: Promises): Verdict {
  const faults = new Faults();
  const acked = new Set(history.receipts.map(({ id }) => id));
  const stored = new Set(history.scans.map(({ id }) => id));
  const delivered = new Set(history.deliveries.map(({ id }) => id));
  const lost = [...acked].filter((id) => !stored.has(id) && !delivered.has(id));
  const undelivered = [...acked].filter((id) => stored.has(id) && !delivered.has(id));
  const duplicated = storedTwice(history.scans);
  if (promises.losesNothing) {
    faults.addAll('lost', lost, (id) => `${id} was acked and is nowhere`);
    placesKept(history, faults);
  }
  faults.addAll(
    'undelivered',
    undelivered,
    (id) => `${id} was acked and lies there, but nobody was given it`,
  );
  if (promises.storesOnce) {
    faults.addAll('duplicated', duplicated, (id) => `${id} lies in the log more than once`);
  }
  for (const id of new Set([...stored, ...delivered, ...acked])) {
    if (!history.attempts.has(id)) {
      faults.add('unexpected', `${id} was sent by nobody`);
    }
  }
  denseAndOrdered(history, faults);
  oneMasterPerTerm(history.receipts, faults);
  if (promises.losesNothing) {
    commitsForward(history, faults);
  }
  sameLogs(history, faults);
  return {
    attempted: history.attempts.size,
    acked: acked.size,
    unacked: history.attempts.size - acked.size,
    lost,
    delivered: delivered.size,
    redelivered: history.deliveries.length - delivered.size,
    duplicated,
    recovered: [...stored].filter((id) => !acked.has(id)).length,
    faults: faults.told(),
  };
}

class Faults {
  readonly #byKind = new Map<string, string[]>();

  add(kind: string, text: string): void {
    const list = this.#byKind.get(kind) ?? [];
    list.push(text);
    this.#byKind.set(kind, list);
  }

  addAll<T>(kind: string, found: readonly T[], say: (one: T) => string): void {
    for (const one of found) {
      this.add(kind, say(one));
    }
  }

  told(): string[] {
    return [...this.#byKind].flatMap(([kind, list]) =>
      list.length <= TOLD
        ? list.map((text) => `${kind}: ${text}`)
        : [
            ...list.slice(0, TOLD).map((text) => `${kind}: ${text}`),
            `${kind}: and ${list.length - TOLD} more`,
          ],
    );
  }
}

function queueOf({ set, queueId }: QueueName): string {
  return `${set}/${queueId}`;
}

function placeOf(sighting: Sighting): string {
  return `${queueOf(sighting)}@${sighting.offset}`;
}

/** By a read of one node: the same message at two places. */
function storedTwice(scans: readonly Sighting[]): string[] {
  const seen = new Map<string, string>();
  const twice = new Set<string>();
  for (const sighting of scans) {
    const key = `${sighting.by} ${sighting.id}`;
    const place = placeOf(sighting);
    const before = seen.get(key);
    if (before !== undefined && before !== place) {
      twice.add(sighting.id);
    }
    seen.set(key, place);
  }
  return [...twice];
}

/** A place that anybody saw holds the same message for ever, whoever looks. */
function placesKept(history: History, faults: Faults): void {
  const holds = new Map<string, Sighting>();
  for (const sighting of [...history.receipts, ...history.deliveries, ...history.scans]) {
    const place = placeOf(sighting);
    const before = holds.get(place);
    if (before === undefined) {
      holds.set(place, sighting);
    } else if (before.id !== sighting.id) {
      faults.add(
        'reused',
        `${place} was ${before.id} for ${before.by} and is ${sighting.id} for ${sighting.by}`,
      );
    }
  }
}

/** In each read: offsets without a hole, and each producer's messages of one key in the order that it sent them. */
function denseAndOrdered(history: History, faults: Faults): void {
  const next = new Map<string, number>();
  const last = new Map<string, number>();
  const seen = new Set<string>();
  for (const sighting of history.scans) {
    const queue = `${sighting.by} ${queueOf(sighting)}`;
    const expected = next.get(queue);
    if (expected !== undefined && sighting.offset !== expected) {
      faults.add(
        'gap',
        `${sighting.by}: ${queueOf(sighting)} goes from ${expected - 1} to ${sighting.offset}`,
      );
    }
    next.set(queue, sighting.offset + 1);
    const attempt = history.attempts.get(sighting.id);
    const once = `${sighting.by} ${sighting.id}`;
    if (attempt === undefined || attempt.key === null || seen.has(once)) {
      continue;
    }
    seen.add(once);
    const stream = `${sighting.by} ${attempt.producer} ${attempt.key}`;
    const before = last.get(stream) ?? -1;
    if (attempt.number < before) {
      faults.add(
        'order',
        `${sighting.by}: ${sighting.id} stands behind number ${before} of ${attempt.producer}, key ${attempt.key}`,
      );
    }
    last.set(stream, Math.max(before, attempt.number));
  }
}

function oneMasterPerTerm(receipts: readonly Sighting[], faults: Faults): void {
  const masters = new Map<string, string>();
  for (const { set, master } of receipts) {
    if (master === undefined) {
      continue;
    }
    const term = `${set}, epoch ${master.epoch}`;
    const before = masters.get(term) ?? master.name;
    masters.set(term, before);
    if (before !== master.name) {
      faults.add('two masters', `${before} and ${master.name} acked in ${term}`);
    }
  }
}

function commitsForward(history: History, faults: Faults): void {
  const highest = new Map<string, number>();
  for (const commit of history.commits) {
    const where = `${commit.group} in ${queueOf(commit)}`;
    const before = highest.get(where) ?? 0;
    if (commit.offset < before) {
      faults.add('commit', `${where} went back from ${before} to ${commit.offset}`);
    }
    highest.set(where, Math.max(before, commit.offset));
  }
}

function sameLogs(history: History, faults: Faults): void {
  const known = new Map<string, { node: string; digest: string }>();
  for (const { set, node, from, to, digest } of history.logs) {
    const stretch = `${set} ${from}–${to}`;
    const before = known.get(stretch);
    if (before === undefined) {
      known.set(stretch, { node, digest });
    } else if (before.digest !== digest) {
      faults.add('logs', `${before.node} and ${node} differ in ${stretch}`);
    }
  }
}

/** One line for people. */
export function verdictText(verdict: Verdict): string {
  const { attempted, acked, lost, delivered, redelivered, duplicated, recovered } = verdict;
  return `${attempted} attempted, ${acked} acked, ${lost.length} lost, ${delivered} delivered (${redelivered} again), ${duplicated.length} stored twice, ${recovered} recovered`;
}
