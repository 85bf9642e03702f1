import { expect, test } from 'vitest';
import { EXPIRED_EVERY_MS, ExpiredLog } from '../../engine/control/expired-log.js';
import { RetentionWatch, ROUND_EVERY_MS, type UnreadMessage } from '../../engine/control/retention-watch.js';

const HOUR_MS = 3_600_000;

class Watched {
  readonly warnings: string[] = [];
  readonly unread = new Map<string, UnreadMessage>();
  looks = 0;
  readonly watch: RetentionWatch;

  constructor(bounds: { retentionMs: number; retentionBytes: number }, queues = 1) {
    this.watch = new RetentionWatch({
      ...bounds,
      queues: () =>
        [...this.unread.keys()].flatMap((group) =>
          Array.from({ length: queues }, (_, queueId) => ({
            group,
            topic: 't',
            topicId: 1,
            queueId,
            position: 7,
          })),
        ),
      unread: ({ group }) => {
        this.looks++;
        return this.unread.get(group) ?? null;
      },
      warn: (message) => this.warnings.push(message),
    });
  }
}

test('a group is warned of that is near the age or the place where its next message may go, once an hour', () => {
  const watched = new Watched({ retentionMs: 10 * HOUR_MS, retentionBytes: 1_000 });
  watched.unread.set('fresh', { ageMs: 7.9 * HOUR_MS, bytesToEnd: 790 });
  watched.unread.set('old', { ageMs: 8 * HOUR_MS, bytesToEnd: 0 });
  watched.unread.set('far', { ageMs: 0, bytesToEnd: 800 });
  watched.watch.step(0);
  expect(watched.warnings).toEqual([
    "the group 'old' is about to lose unread messages of 't': the next one of queue 0 is 28800 s old and may be deleted at 36000 s",
    "the group 'far' is about to lose unread messages of 't': the next one of queue 0 lies 800 bytes behind the end of the log, which may be cut to 1000",
  ]);
  for (let now = 0; now < HOUR_MS; now += ROUND_EVERY_MS) {
    watched.watch.step(now);
  }
  expect(watched.warnings).toHaveLength(2);
  watched.watch.step(HOUR_MS);
  expect(watched.warnings).toHaveLength(4);
});

test('one step looks at a few queues, and nothing is looked at where nothing is ever deleted', () => {
  const watched = new Watched({ retentionMs: HOUR_MS, retentionBytes: 0 }, 1_000);
  watched.unread.set('g', { ageMs: 0, bytesToEnd: 0 });
  watched.watch.step(0);
  expect(watched.looks).toBe(256);
  for (let step = 0; step < 10; step++) {
    watched.watch.step(1);
  }
  expect(watched.looks).toBe(1_000);
  const kept = new Watched({ retentionMs: 0, retentionBytes: 0 });
  kept.unread.set('g', { ageMs: 1e12, bytesToEnd: 1e12 });
  kept.watch.step(0);
  expect([kept.looks, kept.warnings]).toEqual([0, []]);
});

test('losses are told at once, then gathered for a minute', () => {
  const warnings: Record<string, unknown>[] = [];
  const log = new ExpiredLog((_message, details) => warnings.push(details));
  log.add('g', 't', 5, 0);
  log.add('g', 't', 5, 0);
  log.step(0);
  expect(warnings).toEqual([{ group: 'g', topic: 't', count: 10 }]);
  log.add('g', 't', 1, 1);
  log.step(EXPIRED_EVERY_MS - 1);
  expect(warnings).toHaveLength(1);
  log.step(EXPIRED_EVERY_MS);
  expect(warnings.at(-1)).toEqual({ group: 'g', topic: 't', count: 1 });
});
