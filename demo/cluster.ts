/**
 * The demo over a cluster: two masters with slaves that every ack waits for. One master is killed half way
 * and its disk thrown away; its slave takes its place. Exits with 1 unless everything that was promised
 * holds.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '../native-free/client/index.js';
import { cluster } from './cluster-process.js';
import { contentSum, loadFlights } from './flights.js';
import { Moment } from './moment.js';
import { Member, Tally } from './reader.js';
import { grouped, Screen } from './screen.js';
import { Sender } from './sender.js';

const TOPIC = 'flights';
/** On each master. */
const QUEUES = 4;
const PRODUCERS = 4;
/** Six processes share the machine with this one. */
const FLIGHTS = 100_000;
const MESSAGES_PER_SECOND = 10_000;
const IDLE_MS = 15_000;

export async function runClusterDemo(): Promise<number> {
  const screen = new Screen();
  const parent = mkdtempSync(join(tmpdir(), 'ringmq-demo-'));
  const dir = join(parent, 'cluster');
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void cluster(dir, 'stop').finally(() => process.exit(1)));
  }
  const flights = loadFlights().slice(0, FLIGHTS);
  screen.title(
    `RingMQ demo: ${grouped(flights.length)} flights over two masters, one of them lost with its disk`,
  );
  try {
    const ready = await cluster(dir, 'start', '--mode', 'sync-double-write', '--flush', 'async');
    const url = ready.replace(/^ready /, '').trim();
    screen.fact('cluster', `masters a and b, each with a slave; name servers ${url}`);
    screen.fact('durability', 'sync double-write: an ack says that a slave has the message too');
    await replay(screen, flights, dir, url);
  } catch (error) {
    screen.check(false, String(error));
  } finally {
    await cluster(dir, 'stop');
    rmSync(parent, { recursive: true, force: true });
  }
  return screen.verdict();
}

async function replay(
  screen: Screen,
  flights: ReturnType<typeof loadFlights>,
  dir: string,
  url: string,
): Promise<void> {
  const clients = await Promise.all(Array.from({ length: PRODUCERS }, () => connect(url)));
  await clients[0]?.admin().createTopic({ topic: TOPIC, queues: QUEUES });
  screen.fact('topic', `${TOPIC}, ${QUEUES} queues on each master; key: distance`);
  const tally = new Tally();
  const halfAcked = new Moment();
  const sender = new Sender(flights, () => {
    screen.updateBar(sender.acked, tally.count);
    if (sender.acked === Math.floor(flights.length / 2)) {
      halfAcked.come();
    }
  });
  const members = await Promise.all(
    [0, 1].map(async () => new Member(await connect(url), 'dispatch', TOPIC, tally, () => undefined)),
  );
  await Promise.all(members.map((member) => member.assigned));
  screen.heading('Replay');
  screen.startBar(flights.length);
  const sending = sender.run(clients, TOPIC, MESSAGES_PER_SECOND);
  await Promise.race([halfAcked.passed, sending]);
  await loseMaster(screen, dir, sender);
  await sending;
  screen.event('sent', `${grouped(sender.acked)} acked, ${grouped(sender.failed)} failed`);
  await readUntilQuiet(tally, flights.length);
  screen.stopBar();
  screen.event('read', `${grouped(tally.count)} different messages`);
  await Promise.all(members.map((member) => member.stop()));
  await Promise.all(clients.map((client) => client.close()));
  check(screen, flights, sender, tally);
}

async function loseMaster(screen: Screen, dir: string, sender: Sender): Promise<void> {
  await cluster(dir, 'kill', 'a');
  sender.brokerGone();
  screen.event('SIGKILL', `master a: ${grouped(sender.acked)} acked`, 'red');
  rmSync(join(dir, 'a', 'data'), { recursive: true });
  screen.event('disk lost', 'the log of a is thrown away', 'red');
  screen.event('promoted', (await cluster(dir, 'promote', 'a-slave')).trim(), 'green');
  await cluster(dir, 'restart', 'a');
  screen.event('back', 'a follows a-slave, with an empty disk', 'green');
  sender.brokerBack();
}

async function readUntilQuiet(tally: Tally, wanted: number): Promise<void> {
  let before = -1;
  let quietSince = performance.now();
  while (tally.count < wanted && performance.now() - quietSince < IDLE_MS) {
    if (tally.count !== before) {
      before = tally.count;
      quietSince = performance.now();
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function check(screen: Screen, flights: ReturnType<typeof loadFlights>, sender: Sender, tally: Tally): void {
  const sums = flights.reduce((sum, flight) => sum + contentSum(flight), 0);
  const lost = flights.filter((f, i) => sender.isAcked[i] === 1 && !tally.has(f.key, f.number)).length;
  const because = sender.failed === 0 ? '' : `; first failure: ${String(sender.firstError)}`;
  screen.heading('Checks');
  screen.check(
    sender.acked === flights.length,
    `${grouped(sender.acked)} of ${grouped(flights.length)} acked${because}`,
  );
  screen.check(lost === 0, `acked and lost: ${grouped(lost)}`);
  screen.check(tally.count === flights.length, `${grouped(tally.count)} different messages read`);
  screen.check(tally.outOfOrder === 0, `out of order within their key: ${grouped(tally.outOfOrder)}`);
  screen.check(tally.changed === 0, `came again with other content: ${grouped(tally.changed)}`);
  screen.check(tally.sum === sums, `checksum over all content: ${tally.sum.toString(16)}`);
}
