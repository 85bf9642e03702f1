/** One topic: its queues, its messages, who reads it. */
import { useSignal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import type { TopicDescription } from '../../../client/index.js';
import { monotonicMs } from '../../../time/index.js';
import type { QueueInfo } from '../../../wire/index.js';
import { useAsked, useMay, useMayChange } from '../ask.js';
import { Button } from '../controls.js';
import { DestroyDialog } from '../dialog.js';
import { bytes, count, moment, ms, rate } from '../format.js';
import { go, href } from '../route.js';
import { backend, where } from '../session.js';
import { Table } from '../table.js';
import { t } from '../text.js';
import { Answer, Facts, PageHead, Tabs, Tag } from '../ui.js';
import { MessagesPart } from './messages.js';
import { PublishDialog } from './publish.js';
import { TopicClientsPart } from './topic-clients.js';
import { TopicGroupsPart } from './topic-groups.js';
import { GrowthDialog } from './topic-growth.js';
import { RetentionDialog } from './topic-retention.js';

const LOOK_MS = 2_000;
interface Look {
  readonly topic: TopicDescription;
  readonly at: number;
  /** Messages a second, by queue. */
  readonly rates: ReadonlyMap<string, number>;
}

/** In the order of their tabs. */
const PARTS = {
  queues: (look: Look) => <Queues look={look} />,
  messages: ({ topic }: Look) => <MessagesPart topic={topic} />,
  clients: ({ topic }: Look) => <TopicClientsPart topic={topic.topic} />,
  groups: ({ topic }: Look) => <TopicGroupsPart topic={topic.topic} />,
} as const;
type Tab = keyof typeof PARTS;
const TABS = Object.keys(PARTS) as Tab[];

export function TopicPage({ topic, part }: { topic: string; part: string }) {
  const tab: Tab = TABS.find((each) => each === part) ?? 'queues';
  const look = useAsked<Look>(topic, (before) => lookAt(topic, before), LOOK_MS);
  const isPublishing = useSignal(false);
  const isGrowing = useSignal(false);
  const isAging = useSignal(false);
  const isDeleting = useSignal(false);
  const manages = useMayChange('manage', `topic:${topic}`);
  const publishes = useMayChange('publish', `topic:${topic}`);
  const reads = useMay('subscribe', `topic:${topic}`);
  const looksAfter = useMay('manage', `topic:${topic}`);
  const tabs = TABS.filter((each) => each === 'queues' || (each === 'clients' ? looksAfter : reads));
  return (
    <>
      <PageHead title={topic} over={<a href={href('topics')}>{t('topics')}</a>}>
        {publishes && (
          <Button
            tone="primary"
            onClick={() => {
              isPublishing.value = true;
            }}
          >
            {t('publish')}
          </Button>
        )}
        {manages && (
          <Button
            onClick={() => {
              isGrowing.value = true;
            }}
          >
            {t('grow')}
          </Button>
        )}
        {manages && look.value?.topic.memory === false && (
          <Button
            onClick={() => {
              isAging.value = true;
            }}
          >
            {t('retention')}
          </Button>
        )}
        {manages && (
          <Button
            tone="danger"
            onClick={() => {
              isDeleting.value = true;
            }}
          >
            {t('delete')}
          </Button>
        )}
      </PageHead>
      <Answer of={look}>
        {(value) => (
          <>
            <TopicFacts look={value} />
            <Tabs
              of={tab}
              tabs={tabs.map((each) => [each, t(each === 'messages' ? 'messagesTab' : each)])}
              href={(to) => href('topics', topic, to)}
            />
            {PARTS[tab](value)}
            {isGrowing.value && (
              <GrowthDialog
                topic={value.topic}
                onClose={() => {
                  isGrowing.value = false;
                  look.again();
                }}
              />
            )}
            {isAging.value && (
              <RetentionDialog
                topic={value.topic}
                onClose={() => {
                  isAging.value = false;
                  look.again();
                }}
              />
            )}
            {isPublishing.value && (
              <PublishDialog
                topic={value.topic}
                onClose={() => {
                  isPublishing.value = false;
                  look.again();
                }}
              />
            )}
          </>
        )}
      </Answer>
      {isDeleting.value && (
        <DestroyDialog
          title={t('deleteTopic')}
          name={topic}
          what={t('deleteTopicWhat', { topic })}
          action={t('delete')}
          onDo={async () => {
            await backend().admin('deleteTopic', topic);
            go('topics');
          }}
          onClose={() => {
            isDeleting.value = false;
          }}
        />
      )}
    </>
  );
}

function TopicFacts({ look: { topic, rates } }: { look: Look }) {
  const { retention } = topic;
  const stored = topic.queueStates.reduce((sum, { minOffset, maxOffset }) => sum + maxOffset - minOffset, 0);
  const now = [...rates.values()].reduce((a, b) => a + b, 0);
  return (
    <Facts
      rows={[
        ['stored', count(stored)],
        ['messagesIn', rates.size === 0 ? '–' : `${rate(now)}/s`],
        ['queues', count(topic.queues)],
        ['kept', topic.memory ? <Tag tone="warn">{t('inMemory')}</Tag> : t('inLog')],
        [
          'retention',
          retention === null
            ? t('retentionMemory')
            : topic.retentionMs === undefined
              ? retentionText(retention)
              : `${ms(topic.retentionMs)} (${retentionText(retention)})`,
        ],
        ['created', moment(topic.createdTime)],
      ]}
    />
  );
}

function retentionText({
  retentionMs,
  retentionBytes,
}: {
  retentionMs: number;
  retentionBytes: number;
}): string {
  const parts = [
    ...(retentionMs > 0 ? [ms(retentionMs)] : []),
    ...(retentionBytes > 0 ? [bytes(retentionBytes)] : []),
  ];
  return parts.length === 0 ? t('retentionNone') : parts.join(' · ');
}

function Queues({ look: { topic, rates } }: { look: Look }) {
  const isCluster = where.value?.kind === 'cluster';
  const rows = useMemo(() => topic.queueStates, [topic]);
  return (
    <>
      <Table<QueueInfo>
        label={t('queues')}
        rows={rows}
        keyOf={queueKey}
        columns={[
          ...(isCluster ? [{ name: t('set'), cell: ({ brokerSet }: QueueInfo) => brokerSet }] : []),
          { name: t('queue'), isNumber: true, cell: ({ queueId }) => queueId },
          { name: t('firstOffset'), isNumber: true, cell: ({ minOffset }) => count(minOffset) },
          { name: t('nextOffset'), isNumber: true, cell: ({ maxOffset }) => count(maxOffset) },
          {
            name: t('stored'),
            isNumber: true,
            cell: ({ minOffset, maxOffset }) => count(maxOffset - minOffset),
          },
          {
            name: t('messagesIn'),
            isNumber: true,
            cell: (queue) => `${rate(rates.get(queueKey(queue)) ?? 0)}/s`,
          },
          {
            name: t('state'),
            cell: ({ damage = [] }) =>
              damage.length === 0 ? (
                <Tag tone="good">{t('sound')}</Tag>
              ) : (
                <span title={damage.map(({ message }) => message).join('\n')}>
                  <Tag tone="bad">{t('damaged', { count: count(damage.length) })}</Tag>
                </span>
              ),
          },
        ]}
      />
      <p class="under">{t('rowsAll', { count: count(rows.length) })}</p>
    </>
  );
}

export function queueKey({ brokerSet, queueId }: { brokerSet?: string | null; queueId: number }): string {
  return `${brokerSet ?? ''}/${queueId}`;
}

async function lookAt(name: string, before: Look | undefined): Promise<Look> {
  const topic = await backend().admin('describeTopic', name);
  const at = monotonicMs();
  const rates = new Map<string, number>();
  if (before !== undefined && before.topic.topicId === topic.topicId) {
    const seconds = Math.max(0.001, (at - before.at) / 1_000);
    const ends = new Map(before.topic.queueStates.map((queue) => [queueKey(queue), queue.maxOffset]));
    for (const queue of topic.queueStates) {
      const end = ends.get(queueKey(queue));
      if (end !== undefined) {
        rates.set(queueKey(queue), Math.max(0, queue.maxOffset - end) / seconds);
      }
    }
  }
  return { topic, at, rates };
}
