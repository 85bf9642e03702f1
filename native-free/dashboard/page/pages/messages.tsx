/** What is stored in a topic. */
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { TopicDescription } from '../../../client/index.js';
import type { SeenMessage } from '../../desk/index.js';
import { useAsked } from '../ask.js';
import { Body, textOf } from '../body.js';
import { Button, Choice, Field, Input, MomentHint } from '../controls.js';
import { download, type ExportFormat, exportMessages, wholeBody } from '../export.js';
import { bytes, count, moment } from '../format.js';
import { type Search, type SearchBy, search } from '../message-search.js';
import { href } from '../route.js';
import { asFailure, backend } from '../session.js';
import { Table } from '../table.js';
import { t } from '../text.js';
import { Answer, Empty, Facts, type Failure, FailureNote, Note, Panel, Tag, Waiting } from '../ui.js';
import { queueKey } from './topic.js';

/** Of a body in a list. */
const MAX_LINE_BYTES = 400;

const EVERYWHERE = '';
/** Of more queues one is written, and not chosen from a list. */
const MAX_CHOICES = 500;

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
  const chosen = topic.queueStates.find((each) => queueKey(each).replace(/^\//, '') === queue.value.trim());
  const isKnownQueue = queue.value.trim() === EVERYWHERE || chosen !== undefined;
  const isComplete =
    !needsText ||
    (by.value === 'offset'
      ? /^\d{1,15}$/.test(text.value.trim()) && chosen !== undefined
      : by.value === 'time'
        ? !Number.isNaN(new Date(text.value).getTime())
        : text.value.trim() !== '');
  const isReady = isComplete && isKnownQueue;
  const wanted = (): Search => ({
    by: by.value,
    text: text.value.trim(),
    tag: tag.value.trim(),
    queue: chosen === undefined ? null : { brokerSet: chosen.brokerSet ?? null, queueId: chosen.queueId },
  });
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
  useEffect(() => void run(() => search(topic.topic, wanted()), false), [topic.topicId]);
  return (
    <>
      <form
        class="search"
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady) {
            void run(() => search(topic.topic, wanted()), false);
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
          {topic.queueStates.length > MAX_CHOICES ? (
            <Input of={queue} placeholder={t('allQueues')} />
          ) : (
            <Choice
              of={queue}
              options={[
                [EVERYWHERE, t('allQueues')],
                ...topic.queueStates.map((each) => {
                  const name = queueKey(each).replace(/^\//, '');
                  return [name, name] as const;
                }),
              ]}
            />
          )}
        </Field>
        <Field name={t('tag')}>
          <Input of={tag} />
        </Field>
        {/* Also while something else is being looked for, in whose place it comes. */}
        <Button type="submit" tone="primary" disabled={!isReady}>
          {t('lookUp')}
        </Button>
        <Export topic={topic} wanted={wanted} isReady={isReady} />
      </form>
      {by.value === 'offset' && queue.value.trim() === EVERYWHERE && (
        <p class="hint">{t('offsetNeedsQueue')}</p>
      )}
      {by.value === 'time' && <MomentHint of={text.value} />}
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
              min: 110,
              cell: (message) => (
                <button type="button" class="link" aria-expanded={open.value === message}>
                  {queueKey(message).replace(/^\//, '')} : {count(message.offset)}
                </button>
              ),
            },
            { name: t('storedAt'), min: 156, cell: ({ storeTime }) => moment(storeTime) },
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
  const line = body.subarray(0, MAX_LINE_BYTES);
  return textOf(line, bodyBytes > line.length) ?? bytes(bodyBytes);
}

function Opened({ message }: { message: SeenMessage }) {
  const properties = Object.entries(message.properties);
  const place = useRef<HTMLDivElement>(null);
  const failure = useSignal<Failure | null>(null);
  useEffect(() => place.current?.scrollIntoView({ block: 'nearest' }), []);
  const save = async (): Promise<void> => {
    failure.value = null;
    try {
      download(new Blob([(await wholeBody(message)) ?? '']), `${message.messageId}.body`);
    } catch (error) {
      failure.value = asFailure(error);
    }
  };
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
        <Body body={message.body} bodyBytes={message.bodyBytes} onSave={() => void save()} />
        {failure.value !== null && <FailureNote failure={failure.value} />}
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

function Export({
  topic,
  wanted,
  isReady,
}: {
  topic: TopicDescription;
  wanted: () => Search;
  isReady: boolean;
}) {
  const running = useSignal<AbortController | null>(null);
  const done = useSignal(0);
  const failure = useSignal<Failure | null>(null);
  const damage = useSignal<readonly string[]>([]);
  const isGone = useRef(false);
  const run = async (format: ExportFormat): Promise<void> => {
    const stop = new AbortController();
    running.value = stop;
    done.value = 0;
    failure.value = null;
    damage.value = [];
    try {
      const saved = await exportMessages(topic, wanted(), format, stop.signal, (so) => {
        done.value = so;
      });
      if (!isGone.current) {
        damage.value = saved.damage;
        download(saved.blob, `${topic.topic.replaceAll('/', '_')}.${format}`);
      }
    } catch (error) {
      failure.value = asFailure(error);
    } finally {
      running.value = null;
    }
  };
  useEffect(
    () => () => {
      isGone.current = true;
      running.peek()?.abort();
    },
    [],
  );
  return running.value === null ? (
    <div class="export" role="group" aria-label={t('export')}>
      {failure.value !== null && <FailureNote failure={failure.value} />}
      {damage.value.map((each) => (
        <Note key={each} tone="bad">
          {each}
        </Note>
      ))}
      <Button tone="quiet" disabled={!isReady} onClick={() => void run('ndjson')} title={t('exportHint')}>
        NDJSON
      </Button>
      <Button tone="quiet" disabled={!isReady} onClick={() => void run('csv')} title={t('exportHint')}>
        CSV
      </Button>
    </div>
  ) : (
    <Button tone="quiet" onClick={() => running.value?.abort()}>
      {t('stopAt', { count: count(done.value) })}
    </Button>
  );
}
