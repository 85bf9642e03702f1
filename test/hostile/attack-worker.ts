/** A thread that attacks when it is told to, so that the healthy client beside it has a thread of its own. */
import { parentPort } from 'node:worker_threads';
import { ATTACKS } from './attacks.js';

export interface AttackOrder {
  name: string;
  port: number;
  ms: number;
}

parentPort?.on('message', ({ name, port, ms }: AttackOrder) => {
  const end = performance.now() + ms;
  const attack = ATTACKS[name];
  if (attack === undefined) {
    throw new Error(`there is no attack ${name}`);
  }
  void attack({ port, goesOn: () => performance.now() < end }).then(() => parentPort?.postMessage('over'));
});
