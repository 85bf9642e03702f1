/** `ringmq connection` and `ringmq config`. */
import type { Command } from 'commander';
import {
  type ConfiguredOption,
  type ConnectionInfo,
  type ConnectionSort,
  type LogLevel,
  type NameServerConfiguration,
  RingMQError,
} from '../native-free/wire/index.js';
import { notice, withClient } from './connection.js';
import { type Deed, type DestroyFlags, isToBeDone } from './destroy.js';
import { counted, printJson, printTable, sharedOptions } from './output.js';

interface ListFlags {
  sort: ConnectionSort;
  filter?: string;
  limit: number;
  topic?: string;
}

/** `ringmq connection list` */
export async function listConnections(command: Command, flags: ListFlags): Promise<void> {
  const { url, output } = sharedOptions(command);
  const { sort, filter, limit, topic } = flags;
  if (topic !== undefined) {
    const page = await withClient(url, (client) => client.admin().topicClients(topic, { limit }));
    if (output === 'json') {
      return printJson(page);
    }
    printTable(
      ['ID', 'USER', 'NAME', 'ADDRESS', 'SENDS', 'READS IN'],
      page.clients.map((each) => [
        each.id,
        each.user,
        each.name,
        each.address,
        each.produces ? 'yes' : 'no',
        each.groups.map((group) => group ?? '(no group)').join(' ') || null,
      ]),
    );
    tellMissing(page);
    return;
  }
  const page = await withClient(url, (client) => client.admin().listConnections({ sort, filter, limit }));
  if (output === 'json') {
    return printJson(page);
  }
  printTable(
    ['ID', 'KIND', 'USER', 'NAME', 'ADDRESS', 'OPENED', 'IN', 'OUT', 'BYTES IN', 'BYTES OUT', 'GROUPS'],
    page.connections.map((each) => [
      each.id,
      each.kind,
      each.user,
      each.name,
      each.address,
      new Date(each.openedTime).toISOString(),
      each.messagesIn,
      each.messagesOut,
      each.bytesIn,
      each.bytesOut,
      groupsOf(each),
    ]),
  );
  tellMissing(page);
}

function groupsOf({ consumers, consumerCount }: ConnectionInfo): string | null {
  const names = [...new Set(consumers.map(({ group }) => group ?? '(no group)'))];
  return names.length === 0 ? null : `${names.join(' ')}${consumerCount > consumers.length ? ' …' : ''}`;
}

function tellMissing({ complete, silentThreads }: { complete: boolean; silentThreads: number }): void {
  if (!complete) {
    notice('there are more; see --limit and --filter');
  }
  if (silentThreads > 0) {
    notice(
      `${counted(silentThreads, 'thread', 'threads')} did not answer in time; what they serve is missing`,
    );
  }
}

/** `ringmq connection close` */
export async function closeConnection(command: Command, id: string, flags: DestroyFlags): Promise<void> {
  const { url, output } = sharedOptions(command);
  const look = async (): Promise<Deed> => {
    const { connections } = await withClient(url, (client) =>
      client.admin().listConnections({ filter: id, limit: 100 }),
    );
    const found = connections.find((one) => one.id === id);
    if (found === undefined) {
      throw new RingMQError(
        'CONNECTION_NOT_FOUND',
        `there is no connection ${id}; see \`ringmq connection list\``,
      );
    }
    const { user, address, kind } = found;
    const who = user === null || user === '' ? '' : ` of ${user}`;
    return { told: { id, user, address, kind }, text: `close the connection ${id}${who} from ${address}` };
  };
  if (!(await isToBeDone(command, { ...flags, yes: true }, look))) {
    return;
  }
  await withClient(url, (client) => client.admin().closeConnection(id));
  if (output === 'json') {
    return printJson({ closed: id });
  }
  process.stdout.write(`${id}: closed\n`);
}

/** `ringmq config list` */
export async function listConfiguration(
  command: Command,
  { changed, nameServers }: { changed?: boolean; nameServers?: boolean },
): Promise<void> {
  const { url, output } = sharedOptions(command);
  const all = await withClient<{ options: ConfiguredOption[] }[]>(url, (client) =>
    nameServers === true ? client.admin().nameServerConfiguration() : client.admin().configuration(),
  );
  const nodes = all.map((node) => ({
    ...node,
    options: node.options.filter(({ from }) => changed !== true || from !== 'default'),
  }));
  if (output === 'json') {
    return printJson(nodes);
  }
  const hasSeveral = nodes.length > 1;
  const silent = nodes.filter(isSilent);
  for (const { nameServer, failure } of silent) {
    process.stderr.write(`${nameServer}: ${failure}\n`);
  }
  if (silent.length === nodes.length && nameServers === true) {
    throw new RingMQError(
      nodes.length === 0 ? 'NOT_SUPPORTED' : 'CONNECTION_LOST',
      nodes.length === 0 ? 'this broker registers with no name server' : 'no name server has answered',
    );
  }
  printTable(
    [
      ...(hasSeveral ? [nameServers === true ? 'NAME SERVER' : 'BROKER'] : []),
      'OPTION',
      'VALUE',
      'FROM',
      'DEFAULT',
    ],
    nodes.flatMap((node) =>
      node.options.map(({ name, scope, value, unit, from, default: standard }) => [
        ...(hasSeveral ? [nameOf(node)] : []),
        scope === 'broker' || scope === 'nameServer' ? name : `${scope} ${name}`,
        shown(value, unit),
        from,
        shown(standard, typeof standard === 'number' ? unit : undefined),
      ]),
    ),
  );
}

function nameOf(node: object): string {
  const { brokerName, nameServer } = node as { brokerName?: string; nameServer?: string };
  return brokerName ?? nameServer ?? '';
}

function isSilent(node: object): node is NameServerConfiguration & { failure: string } {
  return typeof (node as Partial<NameServerConfiguration>).failure === 'string';
}

function shown(value: string | number | boolean | string[] | null, unit: string | undefined): string | null {
  if (value === null || (Array.isArray(value) && value.length === 0)) {
    return null;
  }
  const text = Array.isArray(value) ? value.join(' ') : String(value);
  return unit === undefined ? text : `${text} ${unit}`;
}

/** `ringmq config log-level` */
export async function setLogLevel(
  command: Command,
  level: LogLevel,
  { nameServer }: { nameServer?: string },
): Promise<void> {
  const { url, output } = sharedOptions(command);
  await withClient(url, (client) =>
    nameServer === undefined
      ? client.admin().setLogLevel(level)
      : client.admin().setNameServerLogLevel(nameServer, level),
  );
  if (output === 'json') {
    return printJson({ logLevel: level });
  }
  process.stdout.write(`the log tells ${level} from now on\n`);
}
