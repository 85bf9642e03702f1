/** Connections, and ending one. */
import { type Signal, useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { clearInterval, monotonicMs, setInterval } from '../../../time/index.js';
import { useMayChange } from '../ask.js';
import { bytes, count, moment, rate } from '../format.js';
import { listOf, targetOf } from '../lists.js';
import { backend, where } from '../session.js';
import { Table } from '../table.js';
import { t } from '../text.js';
import { Button, Choice, Dialog, FailureNote, Input, PageHead, Tag, Waiting } from '../ui.js';

interface Row {
  id: string;
  set: string | null;
  thread: string;
  user: string | null;
  name: string;
  address: string;
  kind: 'client' | 'broker' | 'http';
  openedTime: number;
  bytesIn: number;
  bytesOut: number;
  messagesIn: number;
  messagesOut: number;
  creditBytes: number;
  unsentBytes: number;
  consumers: { group: string | null; topic: string }[];
}

/** Between two looks, over which rates are taken. */
const LOOK_MS = 3_000;

/** What connections had counted at a look, and how fast they went since the one before. */
interface Seen {
  readonly at: number;
  readonly counts: ReadonlyMap<string, readonly [number, number]>;
  readonly rates: ReadonlyMap<string, readonly [number, number]>;
}

type Sort = 'openedTime' | 'user' | 'address' | '-messagesIn' | '-messagesOut' | '-unsentBytes';

export function ClientsPage() {
  const filter = useSignal('');
  const sort: Signal<Sort> = useSignal<Sort>('openedTime');
  const looked = useSignal(0);
  const closing = useSignal<Row | null>(null);
  const manages = useMayChange('manage', 'cluster');
  const sought = filter.value.trim();
  const list = useMemo(
    () =>
      listOf<Row>(
        'listConnections',
        'connections',
        keyIn(sort.value),
        undefined,
        { sort: sort.value, ...(sought === '' ? {} : { filter: sought }) },
        (row, set) => ({ ...row, set }),
      ),
    [sought, sort.value, looked.value],
  );
  useEffect(() => void list.upTo(100), [list]);
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) {
        looked.value++;
      }
    }, LOOK_MS);
    return () => clearInterval(timer);
  }, []);
  const { rows: now, isComplete, isAsking, error } = list.state.value;
  const shown = useSignal<readonly Row[]>([]);
  const kept = useRef<Seen>({ at: 0, counts: new Map(), rates: new Map() });
  useEffect(() => {
    // The rows before stay until the others are there.
    if (!isAsking && (now.length > 0 || isComplete)) {
      kept.current = seenOf(now, kept.current);
      shown.value = now;
    }
  }, [now, isAsking]);
  const rows = shown.value;
  const rateOf = (which: 0 | 1, id: string, all: number) => {
    const now = kept.current.rates.get(id)?.[which];
    return <span title={count(all)}>{now === undefined ? '–' : `${rate(now)}/s`}</span>;
  };
  const isCluster = where.value?.kind === 'cluster';
  return (
    <>
      <PageHead title={t('clients')}>
        <Input of={filter} type="search" placeholder={t('filter')} aria-label={t('filter')} />
        <Choice<Sort>
          of={sort}
          label={t('sortBy')}
          options={[
            ['openedTime', t('since')],
            ['user', t('user')],
            ['address', t('address')],
            ['-messagesIn', t('messagesIn')],
            ['-messagesOut', t('messagesOut')],
            ['-unsentBytes', t('unsent')],
          ]}
        />
        <Button
          onClick={() => {
            looked.value++;
          }}
        >
          {t('lookAgain')}
        </Button>
      </PageHead>
      {error !== null && <FailureNote failure={error} />}
      {rows.length === 0 && isAsking ? (
        <Waiting />
      ) : (
        error?.code !== 'NOT_SUPPORTED' && (
          <>
            <Table<Row>
              label={t('clients')}
              rows={rows}
              keyOf={({ id, set }) => `${set ?? ''} ${id}`}
              onNear={(wanted) => void list.upTo(wanted)}
              empty={t('noClients')}
              columns={[
                {
                  name: t('client'),
                  grow: 2,
                  cell: ({ name, kind }) => (
                    <>
                      {name || '–'} {kind !== 'client' && <Tag>{kind}</Tag>}
                    </>
                  ),
                },
                { name: t('user'), cell: ({ user }) => user ?? '–' },
                { name: t('address'), grow: 1.5, cell: ({ address }) => <code>{address}</code> },
                ...(isCluster ? [{ name: t('set'), cell: ({ set }: Row) => set }] : []),
                { name: t('since'), min: 142, cell: ({ openedTime }) => moment(openedTime) },
                { name: t('in'), isNumber: true, cell: ({ id, messagesIn }) => rateOf(0, id, messagesIn) },
                { name: t('out'), isNumber: true, cell: ({ id, messagesOut }) => rateOf(1, id, messagesOut) },
                { name: t('credit'), isNumber: true, cell: ({ creditBytes }) => bytes(creditBytes) },
                { name: t('unsent'), isNumber: true, cell: ({ unsentBytes }) => bytes(unsentBytes) },
                {
                  name: t('reads'),
                  grow: 2,
                  cell: ({ consumers }) => consumers.map(({ group, topic }) => group ?? topic).join(', '),
                },
                ...(manages
                  ? [
                      {
                        name: t('action'),
                        min: 92,
                        cell: (row: Row) => (
                          <Button
                            tone="quiet"
                            onClick={() => {
                              closing.value = row;
                            }}
                          >
                            {t('disconnect')}
                          </Button>
                        ),
                      },
                    ]
                  : []),
              ]}
            />
            <p class="under">{t(isComplete ? 'rowsAll' : 'rowsSome', { count: count(rows.length) })}</p>
          </>
        )
      )}
      {closing.value !== null && (
        <Dialog
          title={t('disconnect')}
          action={t('disconnect')}
          tone="danger"
          done={t('done')}
          onClose={() => {
            closing.value = null;
            looked.value++;
          }}
          onDo={async () => {
            const row = closing.value;
            if (row !== null) {
              await backend().control(targetOf(row.set), 'closeConnection', { id: row.id });
            }
          }}
        >
          <p>{t('disconnectWhat', { name: closing.value.name || closing.value.address })}</p>
        </Dialog>
      )}
    </>
  );
}

function seenOf(rows: readonly Row[], before: Seen): Seen {
  const at = monotonicMs();
  const seconds = Math.max(0.001, (at - before.at) / 1_000);
  const counts = new Map(rows.map((row) => [row.id, [row.messagesIn, row.messagesOut] as const]));
  const rates = new Map<string, readonly [number, number]>();
  for (const [id, [messagesIn, messagesOut]] of counts) {
    const earlier = before.counts.get(id);
    if (earlier !== undefined) {
      rates.set(id, [(messagesIn - earlier[0]) / seconds, (messagesOut - earlier[1]) / seconds]);
    }
  }
  return { at, counts, rates };
}

/** The order of the brokers, as text that can be compared: lists of several brokers are made one by it. */
function keyIn(sort: Sort): (row: Row) => string {
  const field = sort.replace('-', '') as keyof Row;
  return (row) => {
    const value = row[field];
    const number =
      typeof value === 'number' ? (sort.startsWith('-') ? Number.MAX_SAFE_INTEGER - value : value) : null;
    const key = number === null ? String(value ?? '') : String(number).padStart(17, '0');
    return `${key} ${row.set ?? ''} ${row.id}`;
  };
}
