/** How systems are called in the report, and in which order and colour they stand. */
import type { ReportSuiteRun } from './inputs.js';

export const RINGMQ = 'ringmq';

interface System {
  title: string;
  /** A ceiling or a part of the machine is no rival: ratios leave it out. */
  isRival: boolean;
  /** On light and on dark ground. */
  colours: readonly [string, string];
}

const SYSTEMS: readonly (readonly [string, System])[] = [
  [RINGMQ, { title: 'RingMQ', isRival: false, colours: ['#d9480f', '#ff8a4c'] }],
  ['kafka', { title: 'Apache Kafka', isRival: true, colours: ['#1c64b8', '#6cb2ff'] }],
  ['rocketmq', { title: 'Apache RocketMQ', isRival: true, colours: ['#7a3fb0', '#c59bf5'] }],
  ['nats', { title: 'NATS JetStream', isRival: true, colours: ['#0c7f6b', '#45cfb4'] }],
  ['redis', { title: 'Redis Streams', isRival: true, colours: ['#b5195b', '#ff7fb2'] }],
  ['rabbitmq-stream', { title: 'RabbitMQ stream', isRival: true, colours: ['#5f7d12', '#b4d64f'] }],
  ['rabbitmq', { title: 'RabbitMQ', isRival: true, colours: ['#8a6d00', '#e3c341'] }],
  ['artemis', { title: 'ActiveMQ Artemis', isRival: true, colours: ['#7d4b26', '#d3a074'] }],
  ['zeromq', { title: 'ZeroMQ', isRival: false, colours: ['#5c6470', '#a9b1bd'] }],
];
const OTHER: System = { title: '', isRival: true, colours: ['#333b45', '#d5dae0'] };

/** A name may say more than the system: `rabbitmq-quorum` is RabbitMQ's. */
function find(name: string): System {
  const found = SYSTEMS.find(([system]) => name === system || name.startsWith(`${system}-`));
  return found?.[1] ?? OTHER;
}

export function systemRank(name: string): number {
  const rank = SYSTEMS.findIndex(([system]) => name === system || name.startsWith(`${system}-`));
  return rank === -1 ? SYSTEMS.length : rank;
}

export function systemColours(name: string): readonly [string, string] {
  return find(name).colours;
}

/** As the run itself calls it, else as it is known here, else its name. */
export function systemTitle(name: string, runs: readonly ReportSuiteRun[] = []): string {
  const told = runs.find((run) => run.systems?.[name] !== undefined)?.systems?.[name]?.title;
  if (told !== undefined) {
    return told;
  }
  const known = SYSTEMS.find(([system]) => system === name)?.[1].title;
  if (known !== undefined) {
    return known;
  }
  const family = find(name).title;
  return family === '' ? name : `${family} (${name.slice(name.indexOf('-') + 1)})`;
}

/** Whether ratios count it. */
export function isRival(name: string, run: ReportSuiteRun): boolean {
  if (name === RINGMQ) {
    return false;
  }
  return run.systems?.[name]?.isRival ?? find(name).isRival;
}
