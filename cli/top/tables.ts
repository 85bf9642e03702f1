/** What `ringmq top` shows: readings of brokers as rows, and rates from two of them. */
import type { Admin, ConnectionInfo, GroupLag } from '../../native-free/client/index.js';

export const VIEWS = ['topics', 'groups', 'connections'] as const;
export type View = (typeof VIEWS)[number];
export type Cell = string | number | null;

export interface TopTable {
  /** Names of columns, as flags and JSON have them. */
  columns: readonly string[];
  /** What a reading is sorted by where nobody says. */
  standard: string;
  rows: Cell[][];
  /** There is more than is shown. */
  isComplete: boolean;
}

/** One reading: counters by what they are of. */
export interface Reading {
  atMs: number;
  counts: Map<string, number[]>;
  table(rate: (key: string, index: number) => number | null): TopTable;
}

/** Rows that are asked for at most. */
const MAX_CONNECTIONS = 1_000;

export async function read(view: View, admin: Admin, atMs: () => number): Promise<Reading> {
  switch (view) {
    case 'topics':
      return topics(admin, atMs);
    case 'groups':
      return groups(await admin.groupLags(), atMs());
    case 'connections': {
      const { connections, complete } = await admin.listConnections({
        sort: '-bytesIn',
        limit: MAX_CONNECTIONS,
      });
      return connected(connections, complete, atMs());
    }
  }
}

async function topics(admin: Admin, atMs: () => number): Promise<Reading> {
  const { queues, isComplete } = await admin.queueStats();
  const sums = new Map<string, { queues: number; stored: number; next: number }>();
  for (const { topic, minOffset, maxOffset } of queues) {
    const sum = sums.get(topic) ?? { queues: 0, stored: 0, next: 0 };
    sum.queues++;
    sum.stored += maxOffset - minOffset;
    sum.next += maxOffset;
    sums.set(topic, sum);
  }
  return {
    atMs: atMs(),
    counts: new Map([...sums].map(([topic, { next }]) => [topic, [next]])),
    table: (rate) => ({
      columns: ['topic', 'queues', 'stored', 'in/s'],
      standard: 'in/s',
      rows: [...sums].map(([topic, sum]) => [topic, sum.queues, sum.stored, rate(topic, 0)]),
      isComplete,
    }),
  };
}

function groups(lags: readonly GroupLag[], atMs: number): Reading {
  return {
    atMs,
    counts: new Map(),
    table: () => ({
      columns: ['group', 'topic', 'members', 'behind', 'oldest s', 'slow', 'stuck', 'expired'],
      standard: 'behind',
      rows: lags.map((each) => [
        each.group,
        each.topic,
        each.members,
        each.lag,
        each.lagMs === null ? null : Math.round(each.lagMs / 100) / 10,
        each.slow,
        each.stuck,
        each.expired,
      ]),
      isComplete: true,
    }),
  };
}

function connected(connections: readonly ConnectionInfo[], isComplete: boolean, atMs: number): Reading {
  return {
    atMs,
    counts: new Map(
      connections.map(({ id, messagesIn, messagesOut, bytesIn, bytesOut }) => [
        id,
        [messagesIn, messagesOut, bytesIn, bytesOut],
      ]),
    ),
    table: (rate) => ({
      columns: [
        'id',
        'user',
        'name',
        'address',
        'in/s',
        'out/s',
        'bytes in/s',
        'bytes out/s',
        'unsent',
        'groups',
      ],
      standard: 'bytes in/s',
      rows: connections.map((each) => [
        each.id,
        each.user,
        each.name,
        each.address,
        rate(each.id, 0),
        rate(each.id, 1),
        rate(each.id, 2),
        rate(each.id, 3),
        each.unsentBytes,
        [...new Set(each.consumers.map(({ group }) => group ?? '(no group)'))].join(' ') || null,
      ]),
      isComplete,
    }),
  };
}

/** The table of the later reading, with what it counted more than the earlier one. null where there was none before. */
export function tableOf(now: Reading, before: Reading | null): TopTable {
  return now.table((key, index) => {
    const earlier = before?.counts.get(key)?.[index];
    const count = now.counts.get(key)?.[index];
    const seconds = before === null ? 0 : (now.atMs - before.atMs) / 1000;
    return earlier === undefined || count === undefined || seconds <= 0
      ? null
      : Math.max(0, Math.round((count - earlier) / seconds));
  });
}

/** Numbers from the highest down, text from the first on; nothing comes last. `isReversed`: the other way round. */
export function sorted(table: TopTable, column: string, isReversed: boolean): Cell[][] {
  const index = Math.max(0, table.columns.indexOf(column));
  const sign = isReversed ? -1 : 1;
  return [...table.rows].sort((a, b) => {
    const [one, other] = [a[index] ?? null, b[index] ?? null];
    if (one === null || other === null) {
      return Number(one === null) - Number(other === null);
    }
    if (typeof one === 'number' && typeof other === 'number') {
      return (other - one) * sign;
    }
    return String(one) < String(other) ? -sign : String(one) > String(other) ? sign : 0;
  });
}
