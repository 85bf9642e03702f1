import type { Command } from 'commander';
import type { GroupPause, ResetQueue } from '../native-free/client/index.js';
import { RingMQError, type StartPosition } from '../native-free/wire/index.js';
import { notice, withClient } from './connection.js';
import { type Deed, type DestroyFlags, isToBeDone } from './destroy.js';
import { counted, printJson, printTable, queueName, sharedOptions } from './output.js';

/** `ringmq group create`: a group that stays until it is deleted. */
export async function createGroup(
  command: Command,
  group: string,
  options: { ifNotExists?: boolean },
): Promise<void> {
  const { url, output } = sharedOptions(command);
  const made = await withClient(url, (client) =>
    client.admin().createGroup({ group, ifNotExists: options.ifNotExists ?? false }),
  );
  if (output === 'json') {
    return printJson(made);
  }
  process.stdout.write(`${made.group}: created\n`);
}

/** `ringmq group delete`: only while the group has no members. */
export async function deleteGroup(command: Command, group: string, flags: DestroyFlags): Promise<void> {
  const { url, output } = sharedOptions(command);
  const look = async (): Promise<Deed> => {
    const { members, queues } = await withClient(url, (client) => client.admin().describeGroup(group));
    if (members > 0) {
      throw new RingMQError('GROUP_BUSY', `the group ${group} has ${counted(members, 'member', 'members')}`);
    }
    const offsets = queues.filter(({ committedOffset }) => committedOffset !== null).length;
    const text = `delete the group ${group}, with its offsets in ${counted(offsets, 'queue', 'queues')}`;
    return { told: { group, offsets }, text };
  };
  if (!(await isToBeDone(command, flags, look))) {
    return;
  }
  await withClient(url, (client) => client.admin().deleteGroup(group));
  if (output === 'json') {
    return printJson({ deleted: group });
  }
  process.stdout.write(`${group}: deleted\n`);
}

/** `ringmq group list` */
export async function listGroups(command: Command): Promise<void> {
  const { url, output } = sharedOptions(command);
  const groups = await withClient(url, (client) => client.admin().listGroups());
  if (output === 'json') {
    return printJson(groups);
  }
  printTable(
    ['GROUP', 'MEMBERS', 'TOPICS'],
    groups.map((group) => [group.group, group.members, group.topics.join(' ')]),
  );
}

/** `ringmq group describe`: each queue with what was committed, how far behind it is, and who reads it. */
export async function describeGroup(command: Command, group: string): Promise<void> {
  const { url, output } = sharedOptions(command);
  const found = await withClient(url, (client) => client.admin().describeGroup(group));
  if (output === 'json') {
    return printJson(found);
  }
  const lag = found.queues.reduce((sum, queue) => sum + queue.lag, 0);
  const expired = found.queues.reduce((sum, queue) => sum + queue.expired, 0);
  const lost = expired === 0 ? '' : `, ${expired.toLocaleString('en')} deleted unread`;
  process.stdout.write(
    `${found.group}: ${found.members} ${found.members === 1 ? 'member' : 'members'}, ${lag.toLocaleString('en')} messages behind${lost}${isPaused(found) ? `, ${pausedText(found)}` : ''}\n`,
  );
  printTable(
    ['TOPIC', 'QUEUE', 'COMMITTED', 'NEXT', 'BEHIND', 'OLDEST', 'EXPIRED', 'MEMBER', 'STATE'],
    found.queues.map((queue) => [
      queue.topic,
      queueName(queue),
      queue.committedOffset,
      queue.maxOffset,
      queue.lag,
      age(queue.lagMs),
      queue.expired,
      queue.memberId,
      queue.state,
    ]),
  );
}

/** `ringmq group reset-offset`: only while the group has no members. */
export async function resetOffset(
  command: Command,
  group: string,
  options: { topic: string; to: StartPosition; queue?: number; brokerSet?: string; dryRun?: boolean },
): Promise<void> {
  const { url, output } = sharedOptions(command);
  const { topic, to, queue: queueId, brokerSet, dryRun = false } = options;
  const queues = await withClient(url, (client) =>
    client.admin().resetOffset({ group, topic, to, queueId, brokerSet, dryRun }),
  );
  if (output === 'json') {
    return printJson({ group, topic: options.topic, dryRun, queues });
  }
  printMoved(queues, dryRun);
}

/** `ringmq group copy`: only while the group that is set has no members. */
export async function copyOffsets(
  command: Command,
  from: string,
  to: string,
  { topic, dryRun = false }: { topic: string; dryRun?: boolean },
): Promise<void> {
  const { url, output } = sharedOptions(command);
  const queues = await withClient(url, (client) => client.admin().copyOffsets({ from, to, topic, dryRun }));
  if (output === 'json') {
    return printJson({ from, to, topic, dryRun, queues });
  }
  printMoved(queues, dryRun);
}

/** `ringmq group pause`, `ringmq group resume` */
export async function setPaused(
  command: Command,
  change: 'pause' | 'resume',
  group: string,
  { topic }: { topic?: string },
): Promise<void> {
  const { url, output } = sharedOptions(command);
  const paused = await withClient(url, (client) => {
    const admin = client.admin();
    return change === 'pause' ? admin.pauseGroup({ group, topic }) : admin.resumeGroup({ group, topic });
  });
  if (output === 'json') {
    return printJson({ group, ...paused });
  }
  process.stdout.write(`${group}: ${pausedText(paused)}\n`);
}

function pausedText({ paused, pausedTopics }: GroupPause): string {
  const some = pausedTopics.length === 0 ? 'not paused' : `paused on ${pausedTopics.join(', ')}`;
  return paused ? 'paused' : some;
}

/** `ringmq group skip` */
export async function skipMessages(
  command: Command,
  group: string,
  options: { topic: string; queue: number; count: number; brokerSet?: string; dryRun?: boolean },
): Promise<void> {
  const { url, output } = sharedOptions(command);
  const { topic, queue: queueId, count, brokerSet, dryRun = false } = options;
  const moved = await withClient(url, (client) =>
    client.admin().skipMessages({ group, topic, queueId, count, brokerSet, dryRun }),
  );
  if (output === 'json') {
    return printJson({ group, topic, dryRun, ...moved });
  }
  printMoved([moved], dryRun);
}

function printMoved(queues: readonly ResetQueue[], dryRun: boolean): void {
  printTable(
    ['QUEUE', 'BEFORE', 'OFFSET'],
    queues.map((queue) => [queueName(queue), queue.before, queue.offset]),
  );
  if (dryRun) {
    notice('nothing was changed: --dry-run');
  }
}

/** `12 s`, `3 h`; how old the oldest message is that waits. */
function age(ms: number | null): string | null {
  if (ms === null || ms === 0) {
    return null;
  }
  const units: [number, string][] = [
    [86_400_000, 'd'],
    [3_600_000, 'h'],
    [60_000, 'min'],
    [1_000, 's'],
  ];
  const [size, unit] = units.find(([least]) => ms >= 2 * least) ?? [1, 'ms'];
  return `${Math.floor(ms / size)} ${unit}`;
}

function isPaused({ paused, pausedTopics }: GroupPause): boolean {
  return paused || pausedTopics.length > 0;
}
