/** Connections, and ending one. */
import { type Signal, useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { useMayChange } from '../ask.js';
import { bytes, count, moment } from '../format.js';
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
  const { rows, isComplete, isAsking, error } = list.state.value;
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
                { name: t('in'), isNumber: true, cell: ({ messagesIn }) => count(messagesIn) },
                { name: t('out'), isNumber: true, cell: ({ messagesOut }) => count(messagesOut) },
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
