/** Whoever asks the control plane much waits for itself. */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { CallTurns, type Turn } from '../../engine/control/call-turns.js';

function note(into: string[], name: string, isGivenUp = true): Turn {
  return {
    begin: () => {
      into.push(name);
    },
    giveUp: () => isGivenUp,
  };
}

async function until(done: () => boolean): Promise<void> {
  while (!done()) {
    await turn();
  }
}

test('one call of each asker is begun in turn, however many another has there', async () => {
  const turns = new CallTurns();
  const begun: string[] = [];
  for (let i = 0; i < 1_000; i++) {
    turns.add('1/many', note(begun, `many ${i}`));
  }
  turns.add('1/one', note(begun, 'one'));
  turns.add('2/one', note(begun, 'other'));
  await until(() => begun.length === 1_002);
  expect(begun.slice(0, 4)).toEqual(['many 0', 'one', 'other', 'many 1']);
  expect(begun.slice(3)).toEqual(Array.from({ length: 999 }, (_, i) => `many ${i + 1}`));
});

test('a slice ends, so that what comes meanwhile is heard of', async () => {
  const turns = new CallTurns();
  const begun: string[] = [];
  const slow = (name: string): Turn => ({
    begin: () => {
      const until = performance.now() + 3;
      while (performance.now() < until) {
        // Holds the thread.
      }
      begun.push(name);
    },
    giveUp: () => true,
  });
  for (let i = 0; i < 10; i++) {
    turns.add('1/slow', slow(`slow ${i}`));
  }
  await until(() => begun.length > 0);
  turns.add('1/quick', note(begun, 'quick'));
  await until(() => begun.length === 11);
  expect(begun.indexOf('quick')).toBeLessThan(4);
});

test('what an asker has left is given up, but for what counts even so; what a whole thread asked is begun', async () => {
  const turns = new CallTurns();
  const begun: string[] = [];
  turns.add('1/a', note(begun, 'lost'));
  turns.add('1/a', note(begun, 'kept', false));
  turns.add('2/b', note(begun, 'first'));
  turns.add('2/c', note(begun, 'second'));
  turns.giveUp('1/a');
  turns.finish('2/');
  expect(begun).toEqual(['first', 'second']);
  await until(() => begun.length === 3);
  expect(begun).toEqual(['first', 'second', 'kept']);
});
