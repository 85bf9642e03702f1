/** What a test has opened is closed when it ends, the last one first. */
import { afterEach } from 'vitest';

const opened: { close(): unknown }[] = [];

afterEach(async () => {
  for (const each of opened.splice(0).reverse()) {
    await each.close();
  }
});

/** Returns what it was given, which is closed after the test. */
export function keep<T extends { close(): unknown }>(each: T): T {
  opened.push(each);
  return each;
}
