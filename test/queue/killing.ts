/**
 * Stands in for the termination of a thread: the n-th Atomics call of an action throws, and so does every one
 * after it, so that no `finally` gets anything done.
 */

import { QueueTable, type QueueTableMemory } from '../../engine/queue/index.js';

/** What a killed action throws. */
export class Killed extends Error {}

const CALLS = ['load', 'store', 'exchange', 'compareExchange', 'or', 'and', 'add', 'notify'] as const;
type Plain = (...parameters: never[]) => unknown;

/**
 * Runs the action; it dies at step `dieAt` (the first is 1). `step` counts one more place to die at. Returns
 * the steps it took, and whether it died.
 */
export function runAndKill(
  dieAt: number,
  action: (step: () => void) => void,
): { steps: number; died: boolean } {
  const atomics = Atomics as unknown as Record<string, Plain>;
  const originals = new Map<string, Plain>();
  let steps = 0;
  const step = (): void => {
    steps++;
    if (steps >= dieAt) {
      throw new Killed();
    }
  };
  for (const name of CALLS) {
    const original = atomics[name] as Plain;
    originals.set(name, original);
    atomics[name] = (...parameters) => {
      step();
      return original(...parameters);
    };
  }
  try {
    action(step);
    return { steps, died: false };
  } catch (error) {
    if (error instanceof Killed) {
      return { steps, died: true };
    }
    throw error;
  } finally {
    for (const [name, original] of originals) {
      atomics[name] = original;
    }
  }
}

/** The same numbers; each one read or written is a step. */
export function stepped(numbers: Float64Array, step: () => void): Float64Array {
  return new Proxy(numbers, {
    get: (target, key) => {
      step();
      return target[key as unknown as number];
    },
    set: (target, key, value) => {
      step();
      target[key as unknown as number] = value;
      return true;
    },
  });
}

/** A queue table whose plain doubles are steps too. */
export function steppedTable(memory: QueueTableMemory, step: () => void): QueueTable {
  const table = new QueueTable(memory);
  return Object.assign(table, {
    doubles: stepped(table.doubles, step),
    tails: stepped(table.tails, step),
    chains: stepped(table.chains, step),
    common: stepped(table.common, step),
  });
}
