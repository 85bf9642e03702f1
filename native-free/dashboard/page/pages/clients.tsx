/** Connections, and ending one. */
import { type Signal, useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { monotonicMs } from '../../../time/index.js';
import type { BrokerStatus } from '../../../wire/index.js';
import type { Target } from '../../desk/index.js';
import { useAsked, useMayChange } from '../ask.js';
import { Button, Choice, Filter, LookAgain } from '../controls.js';
import { Dialog } from '../dialog.js';
import { bytes, count, moment, rate } from '../format.js';
import { allPlaces, type ListPlace, listOf } from '../lists.js';
import { backend, where } from '../session.js';
import { onceShown } from '../shown.js';
import { Table } from '../table.js';
import { t } from '../text.js';
import { FailureNote, PageHead, Tag, Waiting } from '../ui.js';
import { allBrokers } from '../watch.js';

interface Row {
  id: string;
  /** Of the broker that has it; absent: there is one. */
  set?: string;
  target?: Target;
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
const NODES_MS = 10_000;
const FIRST_ROWS = 100;

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
  const node = useSignal('');
  const isCluster = where.value?.kind === 'cluster';
  const nodes = useAsked<BrokerStatus[]>('nodes', async () => (isCluster ? allBrokers() : []), NODES_MS);
  const up = (nodes.value ?? []).filter((each) => each.up);
  const list = useMemo(
    () =>
      listOf<Row>({
        method: 'listConnections',
        field: 'connections',
        keyOf: keyIn(sort.value),
        params: { sort: sort.value, filter: filter.value },
        mark: (row, set, target) => ({ ...row, set, target }),
        places: placesOf(up.find(({ url }) => url === node.value)),
      }),
    [filter.value, sort.value, node.value, looked.value],
  );
  const wanted = useRef(FIRST_ROWS);
  const shown = useSignal<readonly Row[]>([]);
  const kept = useRef<Seen>({ at: 0, counts: new Map(), rates: new Map() });
  useEffect(() => {
    let isOver = false;
    let cancel = (): void => {};
    // As many rows as are looked at, and only then those before make room: nothing jumps.
    void list.upTo(wanted.current).then(() => {
      const { rows: now, isComplete: hasAll } = list.state.value;
      if (!isOver && (now.length > 0 || hasAll)) {
        kept.current = seenOf(now, kept.current);
        shown.value = now;
      }
      if (!isOver) {
        // The next look begins when this one has ended, however long that takes.
        cancel = onceShown(LOOK_MS, () => {
          looked.value++;
        });
      }
    });
    return () => {
      isOver = true;
      cancel();
    };
  }, [list]);
  const { rows: now, isComplete, isAsking, error } = list.state.value;
  useEffect(() => {
    if (now.length > shown.value.length) {
      shown.value = now;
    }
  }, [now]);
  const rows = shown.value;
  const rateOf = (which: 0 | 1, id: string, all: number) => {
    const now = kept.current.rates.get(id)?.[which];
    return <span title={count(all)}>{now === undefined ? '–' : `${rate(now)}/s`}</span>;
  };
  return (
    <>
      <PageHead title={t('clients')}>
        <Filter of={filter} />
        {isCluster && (
          <Choice
            of={node}
            label={t('node')}
            options={[['', t('allNodes')], ...up.map(({ url, name }) => [url, name] as const)]}
          />
        )}
        <Choice<Sort>
          of={sort}
          label={t('sortBy')}
          options={(
            [
              ['openedTime', 'since'],
              ['user', 'user'],
              ['address', 'address'],
              ['-messagesIn', 'messagesIn'],
              ['-messagesOut', 'messagesOut'],
              ['-unsentBytes', 'unsent'],
            ] as const
          ).map(([value, name]) => [value, `${t('sortBy')}: ${t(name)}`] as const)}
        />
        <LookAgain of={looked} />
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
              onNear={(near) => {
                wanted.current = near;
                void list.upTo(near);
              }}
              empty={t('noClients')}
              columns={[
                {
                  name: t('client'),
                  grow: 2,
                  min: 160,
                  cell: ({ name, kind }) => (
                    <>
                      {name || '–'} {kind !== 'client' && <Tag>{kind}</Tag>}
                    </>
                  ),
                },
                { name: t('user'), cell: ({ user }) => user ?? '–' },
                { name: t('address'), grow: 1.5, cell: ({ address }) => <code>{address}</code> },
                ...(isCluster ? [{ name: t('set'), cell: ({ set }: Row) => set }] : []),
                { name: t('since'), min: 156, cell: ({ openedTime }) => moment(openedTime) },
                {
                  name: t('inHead'),
                  isNumber: true,
                  cell: ({ id, messagesIn }) => rateOf(0, id, messagesIn),
                },
                {
                  name: t('outHead'),
                  isNumber: true,
                  cell: ({ id, messagesOut }) => rateOf(1, id, messagesOut),
                },
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
              await backend().control(row.target ?? {}, 'closeConnection', { id: row.id });
            }
          }}
        >
          <p>{t('disconnectWhat', { name: closing.value.name || closing.value.address })}</p>
        </Dialog>
      )}
    </>
  );
}

/** Masters have the clients, but for those that read from slaves. */
function placesOf(node: BrokerStatus | undefined): readonly ListPlace[] {
  return node === undefined ? allPlaces() : [{ set: node.name, target: { url: node.url } }];
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
