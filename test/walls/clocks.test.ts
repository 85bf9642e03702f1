/** Which clock is for what: the wall clock for time stamps, one that nobody sets for all else; and timers that no test replaces. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const ROOMS = ['broker', 'cli', 'engine', 'native-free', 'transport'];

/** Files that read the wall clock, and what for. */
const WALL_CLOCK: Record<string, string> = {
  'engine/access/audit-keeper.ts': 'when somebody did something',
  'engine/control/audit-view.ts': 'which entries are too old',
  'broker/membership.ts': 'how long ago topics were deleted, elsewhere too',
  'native-free/batch/turn-clock.ts': 'born times',
  'engine/thread/thread-parts.ts': 'store times',
  'engine/data/open-data.ts': 'store times, and when topics were created',
  'engine/data/rejoin.ts': 'when the directory was made',
  'engine/disk/lock-file.ts': 'the time of LOCK, which only has to change',
  'engine/disk/opened-dir.ts': 'the same',
  'engine/persist/worker.ts': 'retention compares store times with it',
  'engine/log/retention.ts': 'the same',
  'engine/control/control-log.ts': 'when epochs began, and how long ago topics were deleted',
  'engine/access/access-desk.ts': 'how long a token is good yet',
  'engine/access/access-admin.ts': 'when users and roles were changed, for sets that compare it',
  'engine/control/group-admin.ts': 'when groups were created',
  'engine/group/offsets.ts': 'when offsets were reset, for those that hear of it later',
  'engine/find/queue-walk.ts': 'a store time in the future is not believed',
  'engine/control/topic-queues.ts': 'a store time in the future is not believed',
  'engine/control/control-plane.ts': 'how old a message is that waits',
  'engine/control/stats-view.ts': 'when statistics were read',
  'engine/stats/sampler.ts': 'of which time a sample is, and which day of history is asked for',
  'native-free/client/watch-calls.ts': 'which day of history is asked for',
  'native-free/listener/certificate-watch.ts': 'whether a certificate is valid today',
  'transport/replica-session.ts': 'when a connection was opened',
  'transport/session.ts': 'when a connection was opened',
  'native-free/client/consume/memberships.ts': 'ids of members, in the order in which they were made',
  'cli/message/message-command.ts': 'messages stored from now on',
  'cli/check-command.ts': 'how long ago a message was stored',
  'cli/topic-command.ts': 'of which time what is gone with a retention was stored',
  'cli/doctor/disk-checks.ts': 'whether the data directory was written in the future',
  'cli/doctor/machine-checks.ts': 'whether a certificate is valid today',
  'cli/bundle/bundle-command.ts': 'when the archive was made, in its name',
  'cli/bundle/local-entries.ts': 'when the machine was looked at',
  'cli/bench/csv-seconds.ts': 'when a second was, for who compares it with a log',
  'cli/bench/consume-load.ts': 'a name that was not there before',
};

interface Source {
  name: string;
  code: string;
}

const sources: Source[] = ROOMS.flatMap((room) =>
  readdirSync(`${ROOT}/${room}`, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .map((name) => ({ name: `${room}/${name}`, code: withoutComments(`${ROOT}/${room}/${name}`) })),
).filter(({ name }) => !name.startsWith('native-free/time/'));

function withoutComments(path: string): string {
  return readFileSync(path, 'utf8')
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .replaceAll(/^\s*\/\/.*$/gm, '');
}

it('the wall clock is read for time stamps only', () => {
  const readers = sources
    .filter(({ code }) => /\bDate\.now\b|\bnew Date\(\)/.test(code))
    .map(({ name }) => name);
  expect(readers.filter((name) => WALL_CLOCK[name] === undefined)).toEqual([]);
  expect(Object.keys(WALL_CLOCK).filter((name) => !readers.includes(name))).toEqual([]);
});

it('durations are measured with monotonicMs, which all threads share', () => {
  expect(
    sources.filter(({ code }) => /\bperformance\b|\bhrtime\b/.test(code)).map(({ name }) => name),
  ).toEqual([]);
});

it('timers are the real ones, imported', () => {
  const globals = sources.filter(({ code }) =>
    ['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval'].some(
      (timer) =>
        new RegExp(`(?<![.\\w'])${timer}\\(`).test(code) &&
        !new RegExp(
          `import \\{[^}]*\\b${timer}\\b[^}]*\\} from '(node:timers|[./]+native-free/time/index\\.js|[./]+time/index\\.js)'`,
        ).test(code),
    ),
  );
  expect(globals.map(({ name }) => name)).toEqual([]);
});
