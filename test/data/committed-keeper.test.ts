/** What a master that was a slave may take for committed of what came from the master before it. */
import { expect, it } from 'vitest';
import { inheritedBelow } from '../../engine/data/committed-keeper.js';
import { EpochHistory, NEVER_OWN } from '../../engine/meta/index.js';

const PROMOTED = { ownFrom: 1_024, isLed: false };

function history(...terms: [epoch: number, position: number][]): EpochHistory {
  const epochs = new EpochHistory();
  for (const [epoch, position] of terms) {
    epochs.add({ epoch, position, name: 'a', time: 0 });
  }
  return epochs;
}

it('is all that it has below its first own term', () => {
  expect(inheritedBelow(PROMOTED, history([1, 0], [1_024, 640]), 1, 6_400)).toBe(640);
  // It ended before that term was in the log, and was started again since, once or more often.
  expect(inheritedBelow(PROMOTED, history([1, 0]), 1, 6_400)).toBe(6_400);
  expect(inheritedBelow(PROMOTED, history([1, 0], [1_026, 640], [1_027, 1_280]), 1, 6_400)).toBe(640);
  // The log's end is lost.
  expect(inheritedBelow(PROMOTED, history([1, 0], [1_024, 640]), 1, 128)).toBe(128);
});

it('is nothing where none is left, another slave may be master, acks wait for more, or it never was a slave', () => {
  const epochs = history([1, 0], [1_024, 640], [1_025, 1_280]);
  expect(inheritedBelow({ ...PROMOTED, isLed: true }, epochs, 1, 6_400)).toBe(0);
  expect(inheritedBelow(PROMOTED, epochs, 2, 6_400)).toBe(0);
  expect(inheritedBelow({ ...PROMOTED, ownFrom: 0 }, epochs, 1, 6_400)).toBe(0);
  expect(inheritedBelow({ ...PROMOTED, ownFrom: NEVER_OWN }, epochs, 1, 6_400)).toBe(0);
  epochs.trim(1_280);
  expect(inheritedBelow(PROMOTED, epochs, 1, 6_400)).toBe(0);
});
