/** `ringmq message`: stored messages, looked at where they lie. No group is joined, nothing is acked. */
import type { Command } from 'commander';
import type {
  Admin,
  FoundMessage,
  FoundPage,
  MessageSearch,
  StartPosition,
} from '../../native-free/client/index.js';
import { RingMQError } from '../../native-free/wire/index.js';
import { notice, withClient } from '../connection.js';
import { counted, sharedOptions } from '../output.js';
import { StdoutWriter } from '../stdout-writer.js';
import { detailsOf, formatFound, headOf, hexOf, needsWhole, type Shown } from './found-format.js';

/** Of the table, where nothing is said: a screen or two. */
const TABLE_MESSAGES = 100;
/** Messages asked for at a time. */
const PAGE_MESSAGES = 500;
/** Of each body, for the table. */
const PREVIEW_BYTES = 256;
/** Of a body, in one answer. */
const PIECE_BYTES = 1024 * 1024;
/** Pages in a row that no set has answered. */
const MAX_SILENT_PAGES = 3;

export interface BrowseFlags {
  queue?: number;
  brokerSet?: string;
  from?: StartPosition;
  until?: number;
  tag?: string;
  key?: string;
  count?: number;
  as?: Shown;
}

/** `ringmq message browse` and `find`. */
export async function browseMessages(command: Command, topic: string, flags: BrowseFlags): Promise<void> {
  const { url, output } = sharedOptions(command);
  const shown = output === 'json' ? 'ndjson' : (flags.as ?? 'table');
  const search = searchOf(command, topic, flags);
  await withClient(url, async (client) => {
    const admin = client.admin();
    const { from } = flags;
    if (from === 'latest') {
      search.time = Date.now();
    }
    await printAll(admin, search, topic, shown, flags.count);
  });
}

/** `ringmq message get` */
export async function getMessage(
  command: Command,
  id: string,
  flags: { topic?: string; as?: Exclude<Shown, 'table' | 'csv'> },
): Promise<void> {
  const { url, output } = sharedOptions(command);
  await withClient(url, async (client) => {
    const admin = client.admin();
    const page = await admin.findMessages({ id, topic: flags.topic, maxBodyBytes: PIECE_BYTES });
    const [message] = page.messages;
    if (message === undefined || page.topic === null) {
      throw page.damage.length > 0
        ? new RingMQError('LOG_CORRUPT', page.damage[0]?.message)
        : new RingMQError('MESSAGE_NOT_FOUND', `there is no message ${id} (any more)`, { details: { id } });
    }
    await wholeBody(admin, message);
    const stdout = new StdoutWriter();
    const bytes =
      output === 'json'
        ? formatFound('ndjson', page.topic, [message])
        : flags.as === 'hex'
          ? Buffer.from(hexOf(message.body))
          : flags.as === undefined
            ? Buffer.from(detailsOf(page.topic, message))
            : formatFound(flags.as, page.topic, [message]);
    await stdout.write(bytes, endedBySignal());
  });
}

function searchOf(command: Command, topic: string, flags: BrowseFlags): MessageSearch {
  const { queue, brokerSet, from, until, tag, key } = flags;
  const search: MessageSearch = { topic, queueId: queue, brokerSet, tag, key, toTime: until };
  if (typeof from === 'object') {
    if ('time' in from) {
      search.time = from.time;
    } else if (queue === undefined) {
      command.error("error: an offset as '--from <place>' needs '--queue <n>': each queue has its own");
    } else {
      search.offset = from.offset;
    }
  }
  return search;
}

async function printAll(
  admin: Admin,
  search: MessageSearch,
  topic: string,
  shown: Shown,
  count: number | undefined,
): Promise<void> {
  const stdout = new StdoutWriter();
  const stop = endedBySignal();
  let left = count ?? (shown === 'table' ? TABLE_MESSAGES : Number.POSITIVE_INFINITY);
  let printed = 0;
  let silent = 0;
  let damage: string | undefined;
  let page: FoundPage | undefined;
  await stdout.write(Buffer.from(headOf(shown)), stop);
  do {
    page = await admin.findMessages({
      ...search,
      cursor: page?.cursor,
      limit: Math.min(left, PAGE_MESSAGES),
      maxBodyBytes: needsWhole(shown) ? PIECE_BYTES : PREVIEW_BYTES,
    });
    for (const found of page.damage) {
      const where =
        found.queueId === null
          ? ''
          : ` in queue ${found.queueId}${found.offset === null ? '' : ` at offset ${found.offset}`}`;
      damage = `some messages cannot be read${where}: ${found.message}`;
      notice(damage);
    }
    if (needsWhole(shown)) {
      for (const message of page.messages) {
        await wholeBody(admin, message);
      }
    }
    await stdout.write(formatFound(shown, topic, page.messages), stop);
    printed += page.messages.length;
    left -= page.messages.length;
    silent = page.missingSets === undefined || page.messages.length > 0 ? 0 : silent + 1;
    if (silent === MAX_SILENT_PAGES) {
      throw new RingMQError('CONNECTION_LOST', `no answer from ${page.missingSets?.join(', ')}`);
    }
  } while (left > 0 && page.cursor !== null && !stdout.closed && !stop.aborted);
  if (shown === 'table' && count === undefined && page.cursor !== null && left <= 0) {
    notice(`that are the first ${counted(printed, 'message', 'messages')}; --count or --from shows others`);
  }
  if (damage !== undefined) {
    throw new RingMQError('LOG_CORRUPT', damage);
  }
}

/** Asks for what is missing of a large body. One that is gone meanwhile stays as it is. */
async function wholeBody(admin: Admin, message: FoundMessage): Promise<void> {
  while (message.body !== null && message.body.length < message.bodyBytes) {
    const { messages } = await admin.findMessages({
      id: message.messageId,
      bodyFrom: message.body.length,
      maxBodyBytes: PIECE_BYTES,
    });
    const more = messages[0]?.body;
    if (more === undefined || more === null || more.length === 0) {
      throw new RingMQError('MESSAGE_NOT_FOUND', `the message ${message.messageId} was deleted meanwhile`);
    }
    message.body = Buffer.concat([message.body, more]);
  }
}

/** Aborted by the signals that end a command which prints. */
function endedBySignal(): AbortSignal {
  const stop = new AbortController();
  const end = (): void => stop.abort();
  process.once('SIGINT', end).once('SIGTERM', end);
  return stop.signal;
}
