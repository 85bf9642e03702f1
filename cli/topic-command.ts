import type { Command } from 'commander';
import { withClient } from './connection.js';
import { advised } from './failure.js';
import { counted, printJson, printTable, sharedOptions } from './output.js';

/** What helps who names a topic that is not there, and does not want it made. */
const SEE_LIST = 'see `ringmq topic list`';

/** `ringmq topic create`: prints what was made. */
export async function createTopic(
  command: Command,
  topic: string,
  options: { queues: number; memory?: boolean; ifNotExists?: boolean },
): Promise<void> {
  const { url, output } = sharedOptions(command);
  const made = await withClient(url, (client) =>
    client.admin().createTopic({
      topic,
      queues: options.queues,
      memory: options.memory ?? false,
      ifNotExists: options.ifNotExists ?? false,
    }),
  );
  if (output === 'json') {
    return printJson(made);
  }
  process.stdout.write(
    `${made.topic}: ${counted(made.queues, 'queue', 'queues')}${made.memory ? ', in memory' : ''}\n`,
  );
}

/** `ringmq topic list` */
export async function listTopics(command: Command): Promise<void> {
  const { url, output } = sharedOptions(command);
  const topics = await withClient(url, (client) => client.admin().listTopics());
  if (output === 'json') {
    return printJson(topics);
  }
  await printTable(
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
    `${found.topic}: id ${found.topicId}, ${counted(found.queues, 'queue', 'queues')}, kept in ${found.memory ? 'memory' : 'the log'}, ${counted(messages, 'message', 'messages')}\n`,
  );
  await printTable(
    ['QUEUE', 'FIRST', 'NEXT', 'MESSAGES'],
    found.queueStates.map((queue) => [
      queue.queueId,
      queue.minOffset,
      queue.maxOffset,
      queue.maxOffset - queue.minOffset,
    ]),
  );
}

/** `ringmq topic delete` */
export async function deleteTopic(command: Command, topic: string): Promise<void> {
  const { url, output } = sharedOptions(command);
  await withClient(url, (client) => client.admin().deleteTopic(topic)).catch((error: unknown) => {
    throw advised(error, 'TOPIC_NOT_FOUND', SEE_LIST);
  });
  if (output === 'json') {
    return printJson({ deleted: topic });
  }
  process.stdout.write(`${topic}: deleted\n`);
}
