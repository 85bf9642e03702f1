/**
 * A process that attacks when it is told to. It has the lowest priority: what the client beside it sees is
 * then what the broker does for the attack, and not that the attacker took the processor.
 */
import { constants, setPriority } from 'node:os';
import { ATTACKS } from './attacks.js';
import { TLS_ATTACKS } from './http-attacks.js';

export interface AttackOrder {
  name: string;
  port: number;
  ms: number;
}

setPriority(constants.priority.PRIORITY_LOW);

process.on('message', ({ name, port, ms }: AttackOrder) => {
  const end = performance.now() + ms;
  const attack = ATTACKS[name] ?? TLS_ATTACKS[name];
  if (attack === undefined) {
    throw new Error(`there is no attack ${name}`);
  }
  void attack({ port, goesOn: () => performance.now() < end })
    // What fails because the broker ends its connection is what it is after.
    .catch(() => {})
    .then(() => process.send?.('over'));
});
process.on('disconnect', () => process.exit());
