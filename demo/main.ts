/**
 * RingMQ's main job on real input: 200 thousand and more flights from several producers over WebSockets to a
 * broker that is killed half way, and back to a group of two. Exits with 1 unless everything that was
 * promised holds.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, connect } from '../native-free/client/index.js';
import { BrokerProcess } from './broker-process.js';
import { contentSum, type FlightMessage, loadFlights } from './flights.js';
import { Moment } from './moment.js';
import { Member, Tally } from './reader.js';
import { grouped, Screen } from './screen.js';
import { Sender } from './sender.js';

const TOPIC = 'flights';
const QUEUES = 8;
const PRODUCERS = 4;
/** So that the kill, at half of the acks, falls well into the work and not past its end. */
const MESSAGES_PER_SECOND = 30_000;
/** The demo takes a quarter of this; past it something hangs. */
const DEADLINE_MS = 58_000;

interface Run {
  screen: Screen;
  flights: FlightMessage[];
  dataDir: string;
  broker: BrokerProcess;
}

async function main(): Promise<number> {
  const screen = new Screen();
  const dataDir = mkdtempSync(join(tmpdir(), 'ringmq-demo-'));
  process.once('exit', () => rmSync(dataDir, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => process.exit(1));
  }
  setTimeout(() => {
    screen.check(false, `not done after ${DEADLINE_MS / 1000} s`);
    process.exit(1);
  }, DEADLINE_MS).unref();

  const flights = loadFlights();
  screen.title(`RingMQ demo: ${grouped(flights.length)} flights through a broker that is killed half way`);
  const run: Run = { screen, flights, dataDir, broker: await BrokerProcess.start(dataDir, 0) };
  const sums = run.flights.reduce((sum, flight) => sum + contentSum(flight), 0);
  const { sender, tally, members, seconds } = await replay(run);
  report(run, sender, tally, seconds, members);
  checkReplay(run, sender, tally, sums);
  await audit(run, sums);
  screen.check((await run.broker.stop()) === 0, 'the broker stopped cleanly on SIGTERM');
  return screen.verdict();
}

/** Sends and reads everything at once, with the broker killed and started again in between. */
async function replay(
  run: Run,
): Promise<{ sender: Sender; tally: Tally; members: number[]; seconds: number }> {
  const { screen, flights } = run;
  const url = run.broker.url;
  const clients = await Promise.all(Array.from({ length: PRODUCERS }, () => connect(url)));
  const [control] = clients;
  await control?.admin().createTopic({ topic: TOPIC, queues: QUEUES });
  screen.fact('broker', `pid ${run.broker.pid}, ${url}, listener ${control?.broker.listener}`);
  screen.fact('durability', 'sync flush: an ack says the message is on disk (fdatasync)');
  screen.fact(
    'producers',
    `${PRODUCERS} connections, ${grouped(MESSAGES_PER_SECOND)} messages/s in all, paced`,
  );
  screen.fact('topic', `${TOPIC}, ${QUEUES} queues; key: distance; tag: delayed or on-time`);

  const tally = new Tally();
  const everythingRead = new Moment();
  const halfAcked = new Moment();
  const sender = new Sender(flights, () => {
    screen.updateBar(sender.acked, tally.count);
    if (sender.acked === Math.floor(flights.length / 2)) {
      halfAcked.come();
    }
  });
  const onRead = (): void => {
    if (tally.count >= flights.length) {
      everythingRead.come();
    }
  };
  const members = await Promise.all([openMember(url, tally, onRead), openMember(url, tally, onRead)]);
  await Promise.all(members.map((member) => member.assigned));
  screen.fact('consumers', 'group dispatch, 2 members');

  screen.heading('Replay');
  screen.startBar(flights.length);
  const startedAt = performance.now();
  const sending = sender.run(clients, TOPIC, MESSAGES_PER_SECOND);
  await Promise.race([halfAcked.passed, sending]);
  await killAndRestart(run, sender, tally);
  await sending;
  const seconds = (performance.now() - startedAt) / 1000;
  screen.event('sent', `${grouped(sender.acked)} acked, ${grouped(sender.failed)} failed`);
  const reading = Promise.race([everythingRead.passed, ...members.map((member) => member.done)]);
  await Promise.race([reading, new Promise((resolve) => setTimeout(resolve, 10_000).unref())]);
  screen.stopBar();
  screen.event('read', `${grouped(tally.count)} different messages`);
  await Promise.all(members.map((member) => member.stop()));
  await Promise.all(clients.map((client) => client.close()));
  return { sender, tally, members: members.map((member) => member.count), seconds };
}

async function openMember(url: string, tally: Tally, onRead: () => void): Promise<Member> {
  const client: Client = await connect(url);
  return new Member(client, 'dispatch', TOPIC, tally, onRead);
}

async function killAndRestart(run: Run, sender: Sender, tally: Tally): Promise<void> {
  const { screen, broker } = run;
  const acked = sender.acked;
  await broker.kill();
  sender.brokerGone();
  screen.event(
    'SIGKILL',
    `broker pid ${broker.pid}: ${grouped(acked)} acked, ${grouped(sender.sent - acked)} under way, ${grouped(tally.count)} read`,
    'red',
  );
  run.broker = await BrokerProcess.start(run.dataDir, broker.port);
  screen.event('ready', `pid ${run.broker.pid}, ${run.broker.startMs.toFixed(0)} ms from start`, 'green');
  sender.brokerBack();
}

function report(run: Run, sender: Sender, tally: Tally, seconds: number, members: number[]): void {
  const { screen } = run;
  screen.heading('Figures');
  screen.fact(
    'rate',
    `${grouped(sender.acked / seconds)} acked/s over ${seconds.toFixed(1)} s, the crash included`,
  );
  screen.fact('send to ack', `${percentiles(sender.steady)} (${grouped(sender.steady.totalCount)} messages)`);
  screen.fact(
    'crash',
    `${grouped(sender.heldUp.totalCount)} messages held up, the longest ${ms(sender.heldUp.maxValue)}`,
  );
  screen.fact('members', `${members.map(grouped).join(' and ')} messages`);
  screen.fact('tags', `${grouped(tally.delayed)} delayed, ${grouped(tally.count - tally.delayed)} on-time`);
  screen.fact('redelivered', `${grouped(tally.redelivered)} (read before the kill, not committed yet)`);
}

function percentiles(histogram: Sender['steady']): string {
  const at = (percent: number): string => ms(histogram.getValueAtPercentile(percent));
  return `p50 ${at(50)}, p99 ${at(99)}, p99.9 ${at(99.9)}, max ${ms(histogram.maxValue)}`;
}

function ms(us: number): string {
  return `${(us / 1000).toFixed(us < 10_000 ? 2 : 0)} ms`;
}

function checkReplay(run: Run, sender: Sender, tally: Tally, sums: number): void {
  const { screen, flights } = run;
  const lost = flights.filter((f, i) => sender.isAcked[i] === 1 && !tally.has(f.key, f.number)).length;
  const because = sender.failed === 0 ? '' : `; first failure: ${String(sender.firstError)}`;
  screen.heading('Checks');
  screen.check(
    sender.acked === flights.length,
    `${grouped(sender.acked)} of ${grouped(flights.length)} acked${because}`,
  );
  screen.check(
    [...sender.durabilities].join() === 'disk',
    `every ack said it reached: ${[...sender.durabilities].join(', ')}`,
  );
  screen.check(sender.places === sender.acked, 'every receipt names a place of its own');
  screen.check(lost === 0, `acked and lost: ${grouped(lost)}`);
  screen.check(
    tally.count === flights.length,
    `${grouped(tally.count)} different messages read by the group`,
  );
  screen.check(tally.outOfOrder === 0, `out of order within their key: ${grouped(tally.outOfOrder)}`);
  screen.check(tally.changed === 0, `came again with other content: ${grouped(tally.changed)}`);
  screen.check(tally.sum === sums, `checksum over all content: ${tally.sum.toString(16)}`);
}

/** Reads the whole topic once more in a fresh group: what is stored is each message once, crash and resends or not. */
async function audit(run: Run, sums: number): Promise<void> {
  const { screen, flights } = run;
  const tally = new Tally();
  const client = await connect(run.broker.url);
  const all = new Moment();
  const startedAt = performance.now();
  const member = new Member(client, 'audit', TOPIC, tally, () => {
    if (tally.count >= flights.length) {
      all.come();
    }
  });
  await Promise.race([
    all.passed,
    member.done,
    new Promise((resolve) => setTimeout(resolve, 10_000).unref()),
  ]);
  const seconds = (performance.now() - startedAt) / 1000;
  await member.stop();
  const stored = tally.count === flights.length && tally.redelivered === 0 && tally.sum === sums;
  screen.check(
    stored,
    `stored exactly once: read back ${grouped(tally.count)}, ${grouped(tally.redelivered)} twice, at ${grouped(member.count / seconds)}/s, checksum over all content as sent`,
  );
}

if (process.argv.includes('--dashboard')) {
  process.exitCode = await (await import('./dashboard.js')).runDashboardDemo(process.argv.slice(2));
} else if (process.argv.includes('--cluster')) {
  process.exitCode = await (await import('./cluster.js')).runClusterDemo();
} else {
  process.exitCode = await main();
}
