/** What is done to a cluster while it works, one thing at a time, as the seed says. */
import { setTimeout as delay } from 'node:timers/promises';
import type { SeededRandom } from '../crash/random.js';
import type { ChaosNode, ChaosSet } from './chaos-set.js';

/** A clock is set off by up to so much: well within what retention and tombstones keep. */
const MAX_CLOCK_STEP_MS = 3_600_000;

interface Scene {
  set: ChaosSet;
  node: ChaosNode;
  random: SeededRandom;
  /** How long it lasts. */
  ms: number;
}

/** Each resolves with what it did, in words, when it is over. What it did to links and disks is healed after it. */
type Trouble = (scene: Scene) => Promise<string>;

const LINKS: Trouble[] = [
  async ({ node, ms }) => {
    node.link.cut();
    await delay(ms);
    return `${node.name} cut off for ${ms} ms`;
  },
  async ({ node, ms }) => {
    node.link.hold();
    await delay(ms);
    return `${node.name} half open for ${ms} ms`;
  },
  async ({ node, ms, random }) => {
    const way = random.next() < 0.5 ? 'out' : 'back';
    node.link.hold(way);
    await delay(ms);
    return `${node.name} cut one way (${way}) for ${ms} ms`;
  },
  async ({ node, ms }) => {
    node.link.slow('back', { delayMs: 20, bytesPerSecond: 200_000 });
    await delay(ms);
    return `${node.name} slow for ${ms} ms`;
  },
  async ({ node, random }) => {
    const garbage = Uint8Array.from({ length: random.between(1, 300) }, () => random.between(0, 256));
    node.link.inject(random.next() < 0.5 ? 'out' : 'back', garbage);
    return `${garbage.length} bytes of garbage to ${node.name}`;
  },
  async ({ node, ms }) => {
    node.toNameServer.cut();
    await delay(ms);
    return `${node.name} cut from the name server for ${ms} ms`;
  },
];

const MACHINES: Trouble[] = [
  async ({ node, ms }) => {
    const id = node.process.running();
    if (id !== null) {
      process.kill(id.pid, 'SIGSTOP');
      await delay(ms);
      process.kill(id.pid, 'SIGCONT');
    }
    return `${node.name} stood still for ${ms} ms`;
  },
  async ({ set, node, ms }) => {
    await node.process.kill();
    await delay(ms);
    await set.startNode(node);
    return `${node.name} killed, back after ${ms} ms`;
  },
  async ({ set, node, random }) => {
    const offMs = random.between(-MAX_CLOCK_STEP_MS, MAX_CLOCK_STEP_MS);
    set.setClock(node, offMs);
    return `clock of ${node.name} off by ${offMs} ms`;
  },
  async ({ set, ms }) => {
    await set.killNameServer();
    await delay(ms);
    await set.startNameServer();
    return `name server killed, back after ${ms} ms`;
  },
];

const DISKS: Trouble[] = [
  async ({ set, node, ms }) => {
    set.setDisk(node, 'full');
    await delay(ms);
    return `disk of ${node.name} full for ${ms} ms`;
  },
  async ({ set, node, ms }) => {
    set.setDisk(node, 'sync');
    await delay(ms);
    // It ends by itself once a sync has failed; under async flush that may be later.
    await node.process.kill();
    set.setDisk(node, null);
    await set.startNode(node);
    return `syncs of ${node.name} fail for ${ms} ms, started again`;
  },
];

const CONTROLLER: Trouble[] = [
  async ({ set, ms }) => {
    set.etcd?.pause();
    await delay(ms);
    set.etcd?.goOn();
    return `etcd stood still for ${ms} ms`;
  },
  async ({ set, ms }) => {
    await set.etcd?.kill();
    await delay(ms);
    await set.etcd?.start();
    return `etcd killed, back after ${ms} ms`;
  },
  async ({ node, ms }) => {
    node.toEtcd?.cut();
    await delay(ms * 3);
    return `${node.name} cut from etcd for ${ms * 3} ms`;
  },
];

/**
 * Does one of all that the mode allows.
 *
 * @param replaceMaster - of one set; resolves once another is it
 */
export async function trouble(
  set: ChaosSet,
  random: SeededRandom,
  replaceMaster: (broken: string) => Promise<string>,
): Promise<string> {
  const node = set.nodes[random.between(0, set.nodes.length)] as ChaosNode;
  const scene: Scene = { set, node, random, ms: random.between(200, 3_000) };
  const replace: Trouble = () => replaceMaster(node.set);
  const all = [
    ...LINKS,
    ...MACHINES,
    ...DISKS,
    ...(set.mode.hasSlaves ? [replace, replace] : []),
    ...(set.mode.hasController ? CONTROLLER : []),
  ];
  return (all[random.between(0, all.length)] as Trouble)(scene);
}
