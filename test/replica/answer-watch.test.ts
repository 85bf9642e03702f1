/** When a master looks for a slave's answer without sleeping, and that it soon leaves off where that is no use. */
import { beforeEach, expect, it } from 'vitest';
import { AnswerWatch, NEAR_MS } from '../../engine/replica/answer-watch.js';

let watch: AnswerWatch;
let now: number;
let position: number;
beforeEach(() => {
  watch = new AnswerWatch();
  now = 1_000;
  position = 0;
});

/** Sends and answers, each after so many milliseconds. */
function answers(count: number, ms: number): void {
  for (let i = 0; i < count; i++) {
    send();
    now += ms;
    watch.heard(position, now);
    now += 1;
  }
}

function send(bytes = 256): void {
  position += bytes;
  watch.sent(position, now);
}

it('is looked for once it has proved to be near, and not before', () => {
  send();
  expect(watch.isNear(now)).toBe(false);
  watch.heard(position, now + 0.05);
  answers(30, 0.05);
  send();
  expect(watch.isNear(now)).toBe(true);
});

it('nothing is looked for while nothing is under way', () => {
  answers(30, 0.05);
  expect(watch.isNear(now)).toBe(false);
  send();
  watch.heard(position, now);
  expect(watch.isNear(now)).toBe(false);
});

it('an answer that does not come is not looked for longer, whatever is sent meanwhile', () => {
  answers(30, 0.05);
  send();
  const begun = now;
  while (now <= begun + NEAR_MS) {
    expect(watch.isNear(now)).toBe(true);
    now += 0.01;
    send();
  }
  expect(watch.isNear(now)).toBe(false);
  send();
  expect(watch.isNear(now)).toBe(false);
});

it('a slave in another room is never looked for', () => {
  answers(1_000, 0.5);
  send();
  expect(watch.isNear(now)).toBe(false);
});

it('one late answer among near ones puts it off for a while, however late it is', () => {
  answers(30, 0.05);
  answers(1, 60_000);
  answers(30, 0.05);
  send();
  expect(watch.isNear(now)).toBe(true);
});

it('a slave that was near and is not any more is left alone', () => {
  answers(30, 0.05);
  answers(30, 0.5);
  send();
  expect(watch.isNear(now)).toBe(false);
});

it('with much under way the master has other things to do', () => {
  answers(30, 0.05);
  send(16 * 1024);
  expect(watch.isNear(now)).toBe(true);
  send(1);
  expect(watch.isNear(now)).toBe(false);
  watch.heard(position - 1, now);
  send();
  expect(watch.isNear(now)).toBe(true);
});
