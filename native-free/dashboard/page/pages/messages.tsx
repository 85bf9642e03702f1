/** What is stored in a topic. */
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { TopicDescription } from '../../../client/index.js';
import type { SeenMessage } from '../../desk/index.js';
import { useAsked } from '../ask.js';
import { Body, textOf } from '../body.js';
import { download, type ExportFormat, exportMessages } from '../export.js';
import { bytes, count, moment } from '../format.js';
import { type Search, type SearchBy, search } from '../message-search.js';
import { href } from '../route.js';
import { asFailure, backend } from '../session.js';
import { Table } from '../table.js';
import { t } from '../text.js';
import {
  Answer,
  Button,
  Choice,
  Empty,
  Facts,
  type Failure,
  FailureNote,
  Field,
  Input,
  Note,
  Panel,
  Tag,
  Waiting,
} from '../ui.js';
import { queueKey } from './topic.js';

/** Of a body in a list. */
const MAX_LINE_BYTES = 400;

const EVERYWHERE = '';

export function MessagesPart({ topic }: { topic: TopicDescription }) {
  const by = useSignal<SearchBy>('newest');
  const text = useSignal('');
  const tag = useSignal('');
  const queue = useSignal(EVERYWHERE);
  const rows = useSignal<readonly SeenMessage[]>([]);
  const next = useSignal<Awaited<ReturnType<typeof search>>['next']>(null);
  const damage = useSignal<readonly string[]>([]);
  const open = useSignal<SeenMessage | null>(null);
  const isLooking = useSignal(false);
  const failure = useSignal<Failure | null>(null);
  const turn = useRef(0);
  const needsText = by.value === 'offset' || by.value === 'time' || by.value === 'key' || by.value === 'id';
  const isReady =
    !needsText ||
    (by.value === 'offset'
      ? /^\d+$/.test(text.value) && queue.value !== EVERYWHERE
      : by.value === 'time'
        ? !Number.isNaN(new Date(text.value).getTime())
        : text.value.trim() !== '');
  const wanted = (): Search => {
    const state = topic.queueStates.find((each) => queueKey(each) === queue.value);
    return {
      by: by.value,
      text: text.value.trim(),
      tag: tag.value.trim(),
      queue: state === undefined ? null : { brokerSet: state.brokerSet ?? null, queueId: state.queueId },
    };
  };
  const run = async (ask: () => ReturnType<typeof search>, isMore: boolean): Promise<void> => {
    const mine = ++turn.current;
    isLooking.value = true;
    failure.value = null;
    try {
      const found = await ask();
      if (mine === turn.current) {
        rows.value = isMore ? [...rows.value, ...found.messages] : found.messages;
        next.value = found.next;
        damage.value = found.damage;
        if (!isMore) {
          open.value = null;
        }
      }
    } catch (error) {
      if (mine === turn.current) {
        failure.value = asFailure(error);
      }
    } finally {
      if (mine === turn.current) {
        isLooking.value = false;
      }
    }
  };
  useEffect(() => void run(() => search(topic, wanted()), false), [topic.topicId]);
  return (
    <>
      <form
        class="search"
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady) {
            void run(() => search(topic, wanted()), false);
          }
        }}
      >
        <Field name={t('lookFor')}>
          <Choice<SearchBy>
            of={by}
            options={[
              ['newest', t('newest')],
              ['earliest', t('earliest')],
              ['offset', t('fromOffset')],
              ['time', t('fromTime')],
              ['key', t('byKey')],
              ['id', t('byId')],
            ]}
          />
        </Field>
        {needsText && (
          <Field
            name={t(
              by.value === 'key'
                ? 'key'
                : by.value === 'id'
                  ? 'messageId'
                  : by.value === 'offset'
                    ? 'offset'
                    : 'time',
            )}
          >
            <Input of={text} type={by.value === 'time' ? 'datetime-local' : 'text'} step={1} />
          </Field>
        )}
        <Field name={t('queue')}>
          <Choice
            of={queue}
            options={[
              [EVERYWHERE, t('allQueues')],
              ...topic.queueStates
                .slice(0, 1_000)
                .map((each) => [queueKey(each), queueKey(each).replace(/^\//, '')] as const),
            ]}
          />
        </Field>
        <Field name={t('tag')}>
          <Input of={tag} placeholder="a || b" />
        </Field>
        <Button type="submit" tone="primary" disabled={!isReady || isLooking.value}>
          {t('lookUp')}
        </Button>
        <Export topic={topic} wanted={wanted} />
      </form>
      {by.value === 'offset' && queue.value === EVERYWHERE && <p class="hint">{t('offsetNeedsQueue')}</p>}
      {failure.value !== null && <FailureNote failure={failure.value} />}
      {damage.value.map((each) => (
        <Note key={each} tone="bad">
          {each}
        </Note>
      ))}
      {isLooking.value && rows.value.length === 0 ? (
        <Waiting />
      ) : (
        <Table<SeenMessage>
          label={t('messages')}
          rows={rows.value}
          keyOf={(message) => `${queueKey(message)}/${message.offset}`}
          isOpen={(message) => message === open.value}
          onOpen={(message) => {
            open.value = open.value === message ? null : message;
          }}
          columns={[
            {
              name: t('queue'),
              cell: (message) => (
                <button type="button" class="link" aria-expanded={open.value === message}>
                  {queueKey(message).replace(/^\//, '')} : {count(message.offset)}
                </button>
              ),
            },
            { name: t('storedAt'), min: 142, cell: ({ storeTime }) => moment(storeTime) },
            { name: t('tag'), cell: (message) => (message.tag === null ? '' : <Tag>{message.tag}</Tag>) },
            { name: t('keys'), cell: ({ keys }) => keys.join(', ') },
            { name: t('body'), grow: 4, cell: (message) => <code class="line">{lineOf(message)}</code> },
          ]}
        />
      )}
      <p class="under">
        {t('rowsShown', { count: count(rows.value.length) })}{' '}
        {next.value !== null && (
          <Button
            tone="quiet"
            disabled={isLooking.value}
            onClick={() => void run(next.value as NonNullable<typeof next.value>, true)}
          >
            {t('more')}
          </Button>
        )}
      </p>
      {open.value !== null && (
        <Opened key={`${queueKey(open.value)}/${open.value.offset}`} message={open.value} />
      )}
    </>
  );
}

function lineOf({ body, bodyBytes }: SeenMessage): string {
  if (body === null) {
    return t('noBody');
  }
  return textOf(body.subarray(0, MAX_LINE_BYTES)) ?? textOf(body) ?? bytes(bodyBytes);
}

function Opened({ message }: { message: SeenMessage }) {
  const properties = Object.entries(message.properties);
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => place.current?.scrollIntoView({ block: 'nearest' }), []);
  return (
    <div ref={place}>
      <Panel
        title={t('messageAt', { queue: queueKey(message).replace(/^\//, ''), offset: count(message.offset) })}
      >
        <Facts
          rows={[
            ['messageId', <code key="id">{message.messageId}</code>],
            ['bornAt', moment(message.bornTime)],
            ['storedAt', moment(message.storeTime)],
            ['tag', message.tag ?? '–'],
            ['keys', message.keys.length === 0 ? '–' : message.keys.join(', ')],
            ['shardingKey', message.shardingKey ?? '–'],
          ]}
        />
        {properties.length > 0 && (
          <dl class="properties" aria-label={t('properties')}>
            {properties.map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value instanceof Uint8Array ? bytes(value.length) : String(value)}</dd>
              </div>
            ))}
          </dl>
        )}
        <Body body={message.body} bodyBytes={message.bodyBytes} />
        <Consumed message={message} />
      </Panel>
    </div>
  );
}

function Consumed({ message }: { message: SeenMessage }) {
  const readers = useAsked(`${queueKey(message)}/${message.offset}`, () => readersOf(message), 0);
  return (
    <section aria-label={t('consumedBy')}>
      <h3>{t('consumedBy')}</h3>
      <Answer of={readers}>
        {(value) =>
          value.length === 0 ? (
            <Empty>{t('noReaders')}</Empty>
          ) : (
            <ul class="chips">
              {value.map(({ group, consumed }) => (
                <li key={group}>
                  <a href={href('groups', group)}>{group}</a>{' '}
                  <Tag tone={consumed ? 'good' : 'plain'}>{t(consumed ? 'consumed' : 'notYet')}</Tag>
                </li>
              ))}
            </ul>
          )
        }
      </Answer>
    </section>
  );
}

function readersOf({ topic, queueId, offset, brokerSet }: SeenMessage) {
  return backend().admin('consumedBy', {
    topic,
    queueId,
    offset,
    ...(brokerSet === null ? {} : { brokerSet }),
  });
}

function Export({ topic, wanted }: { topic: TopicDescription; wanted: () => Search }) {
  const running = useSignal<AbortController | null>(null);
  const done = useSignal(0);
  const run = async (format: ExportFormat): Promise<void> => {
    const stop = new AbortController();
    running.value = stop;
    done.value = 0;
    try {
      const blob = await exportMessages(topic, wanted(), format, stop.signal, (so) => {
        done.value = so;
      });
      download(blob, `${topic.topic.replaceAll('/', '_')}.${format}`);
    } finally {
      running.value = null;
    }
  };
  useEffect(() => () => running.value?.abort(), []);
  return running.value === null ? (
    <div class="export" role="group" aria-label={t('export')}>
      <Button tone="quiet" onClick={() => void run('ndjson')} title={t('exportHint')}>
        NDJSON
      </Button>
      <Button tone="quiet" onClick={() => void run('csv')} title={t('exportHint')}>
        CSV
      </Button>
    </div>
  ) : (
    <Button tone="quiet" onClick={() => running.value?.abort()}>
      {t('stopAt', { count: count(done.value) })}
    </Button>
  );
}
