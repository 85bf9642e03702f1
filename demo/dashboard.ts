/**
 * The demo to look at: a cluster whose users log in, with flights flowing through it, and the address of its
 * dashboard. It runs until it is stopped (Ctrl-C), or for `--seconds N`.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, connect } from '../native-free/client/index.js';
import { cluster } from './cluster-process.js';
import { loadFlights } from './flights.js';
import { grouped, Screen } from './screen.js';

const TOPIC = 'flights';
/** On each master. */
const QUEUES = 4;
const MESSAGES_PER_SECOND = 1_000;
/** Messages are sent in pieces of so long. */
const TURN_MS = 50;
/** What the group of reports takes for each message: it falls behind, for something to be seen. */
const REPORT_MS = 4;

/** Everybody's rights; `admin` has all. */
const USERS = {
  dispatcher: [
    ['publish', `topic:${TOPIC}`],
    ['subscribe', `topic:${TOPIC}`],
    ['subscribe', 'group:*'],
  ],
  visitor: [
    ['subscribe', `topic:${TOPIC}`],
    ['subscribe', 'group:*'],
  ],
} as const;

export async function runDashboardDemo(args: readonly string[]): Promise<number> {
  const screen = new Screen();
  const seconds = secondsOf(args);
  const parent = mkdtempSync(join(tmpdir(), 'ringmq-demo-'));
  const dir = join(parent, 'cluster');
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => stop.abort());
  }
  const passwords = { admin: newPassword(), dispatcher: newPassword(), visitor: newPassword() };
  const passwordFile = join(parent, 'admin-password');
  writeFileSync(passwordFile, `${passwords.admin}\n`, { mode: 0o600 });
  // As whom the commands that start and stop it come.
  Object.assign(process.env, { RINGMQ_USER: 'admin', RINGMQ_PASSWORD: passwords.admin });
  screen.title('RingMQ demo: a cluster to look at, with flights flowing through it');
  const clients: Client[] = [];
  try {
    const flags = ['--', '--auth', '--admin-password-file', passwordFile];
    const mode = ['--mode', 'async-replication', '--flush', 'async'];
    const ready = await cluster(dir, 'start', ...mode, ...flags);
    const url = ready.trim().split(/\s+/).at(-1) ?? '';
    const as = async (user: keyof typeof passwords): Promise<Client> => {
      const client = await connect(url, {
        name: `demo ${user}`,
        credentials: { scheme: 'scram', user, password: passwords[user] },
      });
      clients.push(client);
      return client;
    };
    await makeUsers(await as('admin'), passwords);
    screen.fact('dashboard', url.split(',')[0]?.replace(/^ws/, 'http') ?? '');
    for (const [user, password] of Object.entries(passwords)) {
      screen.fact(user, password);
    }
    screen.fact('cluster', 'masters a and b, each with a slave; nothing of it stays when this ends');
    screen.fact(
      'flights',
      `${grouped(MESSAGES_PER_SECOND)}/s; groups dispatch, and reports, which falls behind`,
    );
    if (seconds !== null) {
      void sleep(seconds * 1_000, undefined, { signal: stop.signal }).then(
        () => stop.abort(),
        () => undefined,
      );
    } else {
      screen.heading('Ctrl-C ends it.');
    }
    const sent = await flow(as, stop.signal);
    screen.check(sent > 0, `${grouped(sent)} flights sent`);
  } catch (error) {
    screen.check(stop.signal.aborted, String(error));
  } finally {
    await Promise.allSettled(clients.map((client) => client.close()));
    await cluster(dir, 'stop').catch(() => '');
    rmSync(parent, { recursive: true, force: true });
  }
  return screen.verdict();
}

function secondsOf(args: readonly string[]): number | null {
  const at = args.indexOf('--seconds');
  const seconds = Number(args[at + 1]);
  return at < 0 || !(seconds > 0) ? null : seconds;
}

function newPassword(): string {
  return randomBytes(9).toString('base64url');
}

async function makeUsers(client: Client, passwords: Record<keyof typeof USERS, string>): Promise<void> {
  const admin = client.admin();
  await admin.createTopic({ topic: TOPIC, queues: QUEUES });
  for (const [user, grants] of Object.entries(USERS) as [keyof typeof USERS, (typeof USERS)['visitor']][]) {
    await admin.createUser({ user, password: passwords[user] });
    for (const [right, resource] of grants) {
      await admin.grant({ to: user, right, resource });
    }
  }
}

/** Sends the flights again and again, and reads them. Resolves with how many, once it is stopped. */
async function flow(as: (user: 'dispatcher') => Promise<Client>, signal: AbortSignal): Promise<number> {
  const flights = loadFlights();
  const readers = [await as('dispatcher'), await as('dispatcher')];
  for (const reader of readers) {
    void reader
      .consumer({ group: 'dispatch', topic: TOPIC })
      .run(() => undefined)
      .catch(() => undefined);
  }
  void (await as('dispatcher'))
    .consumer({ group: 'reports', topic: TOPIC })
    .run(() => sleep(REPORT_MS))
    .catch(() => undefined);
  const producer = (await as('dispatcher')).producer({ group: 'flights' });
  const startedAt = performance.now();
  let sent = 0;
  while (!signal.aborted) {
    const due = ((performance.now() - startedAt) * MESSAGES_PER_SECOND) / 1_000;
    for (; sent < due && !signal.aborted; sent++) {
      const flight = flights[sent % flights.length];
      if (flight === undefined) {
        break;
      }
      const { body, tag, key } = flight;
      if (!producer.write({ topic: TOPIC, body, tag, keys: [key], shardingKey: key })) {
        await producer.ready();
      }
    }
    await sleep(TURN_MS);
  }
  return sent;
}
