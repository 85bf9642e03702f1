import type { Command } from 'commander';
import type { TopicDescription } from '../native-free/wire/index.js';
import { withClient } from './connection.js';
import { type Deed, type DestroyFlags, isToBeDone } from './destroy.js';
import { advised } from './failure.js';
import { counted, printJson, printTable, queueName, sharedOptions } from './output.js';

/** What helps who names a topic that is not there, and does not want it made. */
const SEE_LIST = 'see `ringmq topic list`';

/** `ringmq topic create`: prints what was made. */
export async function createTopic(
  command: Command,
  topic: string,
  options: { queues: number; memory?: boolean; sets?: string[]; retention?: number; ifNotExists?: boolean },
): Promise<void> {
  const { url, output } = sharedOptions(command);
  const made = await withClient(url, (client) =>
    client.admin().createTopic({
      topic,
      queues: options.queues,
      memory: options.memory ?? false,
      ifNotExists: options.ifNotExists ?? false,
      ...(options.sets === undefined ? {} : { sets: options.sets }),
      ...(options.retention === undefined ? {} : { retentionMs: options.retention }),
    }),
  );
  if (output === 'json') {
    return printJson(made);
  }
  process.stdout.write(
    `${made.topic}: ${counted(made.queues, 'queue', 'queues')}${made.memory ? ', in memory' : ''}\n`,
  );
}

/** `ringmq topic set`: prints what holds from now on. */
export async function setTopic(
  command: Command,
  topic: string,
  { retention, ...flags }: DestroyFlags & { retention: number | 'default' },
): Promise<void> {
  const { url, output } = sharedOptions(command);
  const retentionMs = retention === 'default' ? null : retention;
  if (!(await isToBeDone(command, flags, () => aging(url, topic, retentionMs)))) {
    return;
  }
  const set = await withClient(url, (client) =>
    client.admin().setTopicRetention({ topic, retentionMs }),
  ).catch((error: unknown) => {
    throw advised(error, 'TOPIC_NOT_FOUND', SEE_LIST);
  });
  if (output === 'json') {
    return printJson(set);
  }
  process.stdout.write(
    set.retentionMs === undefined
      ? `${topic}: kept as long as the broker keeps its log\n`
      : `${topic}: messages are given out for ${hours(set.retentionMs)}\n`,
  );
}

async function aging(url: string, topic: string, retentionMs: number | null): Promise<Deed> {
  const { queueStates } = await withClient(url, (client) => client.admin().describeTopic(topic)).catch(
    (error: unknown) => {
      throw advised(error, 'TOPIC_NOT_FOUND', SEE_LIST);
    },
  );
  const messages = queueStates.reduce((sum, queue) => sum + queue.maxOffset - queue.minOffset, 0);
  const stored = counted(messages, 'message', 'messages');
  if (retentionMs === null) {
    return {
      told: { topic, retentionMs, messages },
      text: `give out messages of the topic ${topic} as long as the broker keeps its log; it has ${stored}`,
    };
  }
  const before = new Date(Date.now() - retentionMs).toISOString();
  return {
    told: { topic, retentionMs, before, messages },
    text: `no longer give out messages of the topic ${topic} from an age of ${hours(retentionMs)} on, so today none of its ${stored} that was stored before ${before}`,
  };
}

/** `ringmq topic grow`: prints how many queues there were, and are. */
export async function growTopic(
  command: Command,
  topic: string,
  { queues }: { queues: number },
): Promise<void> {
  const { url, output } = sharedOptions(command);
  const grown = await withClient(url, (client) => client.admin().growTopic({ topic, queues })).catch(
    (error: unknown) => {
      throw advised(error, 'TOPIC_NOT_FOUND', SEE_LIST);
    },
  );
  if (output === 'json') {
    return printJson(grown);
  }
  const has = counted(grown.queues, 'queue', 'queues');
  const sets =
    grown.parts === undefined || grown.parts.length < 2 ? '' : ` in ${grown.parts.length} broker sets`;
  process.stdout.write(
    grown.before === grown.queues
      ? `${topic}: has ${has}${sets} already, nothing to do\n`
      : `${topic}: ${has}${sets}, before ${grown.before}\n`,
  );
}

/** `ringmq topic list` */
export async function listTopics(command: Command): Promise<void> {
  const { url, output } = sharedOptions(command);
  const topics = await withClient(url, (client) => client.admin().listTopics());
  if (output === 'json') {
    return printJson(topics);
  }
  printTable(
    ['TOPIC', 'QUEUES', 'KEPT', 'CREATED'],
    topics.map((topic) => [
      topic.topic,
      topic.queues,
      topic.memory ? 'memory' : 'disk',
      new Date(topic.createdTime).toISOString(),
    ]),
  );
}

/** `ringmq topic describe`: each queue with its first and next offset. */
export async function describeTopic(command: Command, topic: string): Promise<void> {
  const { url, output } = sharedOptions(command);
  const found = await withClient(url, (client) => client.admin().describeTopic(topic)).catch(
    (error: unknown) => {
      throw advised(error, 'TOPIC_NOT_FOUND', SEE_LIST);
    },
  );
  if (output === 'json') {
    return printJson(found);
  }
  const messages = found.queueStates.reduce((sum, queue) => sum + queue.maxOffset - queue.minOffset, 0);
  process.stdout.write(
    `${found.topic}: id ${found.topicId}, ${counted(found.queues, 'queue', 'queues')}, kept in ${found.memory ? 'memory (gone with the broker, on no slave)' : 'the log'}, ${counted(messages, 'message', 'messages')}\n${retentionLine(found)}`,
  );
  printTable(
    ['QUEUE', 'FIRST', 'NEXT', 'MESSAGES'],
    found.queueStates.map((queue) => [
      queueName(queue),
      queue.minOffset,
      queue.maxOffset,
      queue.maxOffset - queue.minOffset,
    ]),
  );
}

/** How long the broker keeps what is in its log; empty for a topic that is not. */
function retentionLine({ retention, retentionMs: topicRetentionMs }: TopicDescription): string {
  if (retention === null || retention === undefined) {
    return '';
  }
  const { retentionMs, retentionBytes, logBytes, oldestTime } = retention;
  const own =
    topicRetentionMs === undefined
      ? ''
      : `given out for ${hours(topicRetentionMs)}, no longer than the log is kept; the bytes are freed with the log's segments\n`;
  const bounds = [
    retentionMs === 0 ? null : `deleted from ${hours(retentionMs)} on`,
    retentionBytes === 0 ? null : `above ${retentionBytes.toLocaleString('en')} bytes`,
  ].filter((bound) => bound !== null);
  const kept =
    bounds.length === 0 ? 'nothing is deleted' : `read or not, ${bounds.join(', or ')}, a segment at a time`;
  const oldest =
    oldestTime === null ? '' : `, the oldest message is of ${new Date(oldestTime).toISOString()}`;
  return `${own}log: ${logBytes.toLocaleString('en')} bytes of all topics${oldest}; ${kept}\n`;
}

function hours(ms: number): string {
  return `${(ms / 3_600_000).toLocaleString('en', { maximumFractionDigits: 3 })} h`;
}

/** `ringmq topic delete` */
export async function deleteTopic(command: Command, topic: string, flags: DestroyFlags): Promise<void> {
  const { url, output } = sharedOptions(command);
  if (!(await isToBeDone(command, flags, () => deletion(url, topic)))) {
    return;
  }
  await withClient(url, (client) => client.admin().deleteTopic(topic)).catch((error: unknown) => {
    throw advised(error, 'TOPIC_NOT_FOUND', SEE_LIST);
  });
  if (output === 'json') {
    return printJson({ deleted: topic });
  }
  process.stdout.write(`${topic}: deleted\n`);
}

async function deletion(url: string, topic: string): Promise<Deed> {
  const { queueStates, groups } = await withClient(url, async (client) => ({
    ...(await client.admin().describeTopic(topic)),
    groups: await client.admin().listGroups(),
  })).catch((error: unknown) => {
    throw advised(error, 'TOPIC_NOT_FOUND', SEE_LIST);
  });
  const messages = queueStates.reduce((sum, queue) => sum + queue.maxOffset - queue.minOffset, 0);
  const readers = groups.filter(({ topics }) => topics.includes(topic)).map(({ group }) => group);
  const read = readers.length === 0 ? 'no group' : readers.slice(0, 10).join(', ');
  const more = readers.length > 10 ? ` and ${readers.length - 10} more` : '';
  return {
    told: { topic, queues: queueStates.length, messages, groups: readers },
    text: `delete the topic ${topic}, with ${counted(messages, 'message', 'messages')} in ${counted(queueStates.length, 'queue', 'queues')}, read by ${read}${more}`,
  };
}
