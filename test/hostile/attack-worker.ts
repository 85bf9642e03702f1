/** A thread that attacks, so that the healthy client beside it has a thread of its own. */
import { parentPort, workerData } from 'node:worker_threads';
import { ATTACKS } from './attacks.js';

const { name, port, ms } = workerData as { name: string; port: number; ms: number };
const end = performance.now() + ms;
const attack = ATTACKS[name];
if (attack === undefined) {
  throw new Error(`no attack ${name}`);
}
await attack({ port, goesOn: () => performance.now() < end });
parentPort?.postMessage('done');
