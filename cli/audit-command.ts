/** `ringmq audit list`: what administrators did, and logins that failed. */
import type { Command } from 'commander';
import type { AuditQuery } from '../native-free/client/index.js';
import type { AuditEntry } from '../native-free/wire/index.js';
import { connectionNotices, withClient } from './connection.js';
import { printJson, printTable, sharedOptions } from './output.js';
import { Pause } from './reader-gone.js';

const AGAIN_MS = 1_000;
/** A clock of one broker set may be so far behind that of another. */
const OVERLAP_MS = 60_000;

/** Which entries; `by` and `on` as people say it: options of the command itself are called `--user`. */
export interface AuditOptions extends Pick<AuditQuery, 'action' | 'result' | 'filter'> {
  /** Milliseconds since 1970; undefined: all that are kept. */
  from?: number;
  until?: number;
  by?: string;
  on?: string;
  /** Goes on with what comes, until it is interrupted. */
  follow?: boolean;
}

export async function listAudit(
  command: Command,
  { from, by, on, follow = false, ...rest }: AuditOptions,
): Promise<void> {
  const { url, output } = sharedOptions(command);
  const query = (time: number | undefined): AuditQuery => ({
    ...rest,
    ...(time === undefined ? {} : { from: time }),
    ...(by === undefined ? {} : { user: by }),
    ...(on === undefined ? {} : { resource: on }),
  });
  await withClient(
    url,
    async (client) => {
      const admin = client.admin();
      const first = await admin.listAudit(query(from));
      if (!follow) {
        output === 'json' ? printJson(first) : printTable(HEAD, first.map(row));
        return;
      }
      const last = new Map<string, number>();
      const pause = new Pause();
      let newest = from ?? 0;
      for (let entries = first; ; ) {
        for (const entry of entries) {
          const set = entry.brokerSet ?? '';
          if (entry.number > (last.get(set) ?? 0)) {
            last.set(set, entry.number);
            newest = Math.max(newest, entry.time);
            output === 'json' ? printJson(entry) : process.stdout.write(`${line(entry)}\n`);
          }
        }
        if (!(await pause.wait(AGAIN_MS))) {
          return;
        }
        const since = query(Math.max(from ?? 0, newest - OVERLAP_MS));
        const more = await pause.untilThere(() => admin.listAudit(since));
        if (more === null) {
          return;
        }
        entries = more;
      }
    },
    follow ? { onConnection: connectionNotices(url) } : {},
  );
}

const HEAD = ['TIME', 'USER', 'FROM', 'DID', 'ON', 'DETAILS', 'RESULT'];

function row(entry: AuditEntry): (string | number | null)[] {
  const { time, user, address, method, resource, details } = entry;
  const cells = [new Date(time).toISOString(), user, address, method, resource, details, outcome(entry)];
  return cells.map((cell) => (cell === '' ? null : cell));
}

function line(entry: AuditEntry): string {
  return row(entry)
    .map((cell) => cell ?? '-')
    .join('  ');
}

function outcome({ result, code, count }: AuditEntry): string {
  const times = count > 1 ? `, ${count.toLocaleString('en')} times` : '';
  return `${result}${code === '' ? '' : ` ${code}`}${times}`;
}
