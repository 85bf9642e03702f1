/** A broker whose log has small batches: what does not fit into one is refused, and all else goes on. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Admin } from '../../native-free/client/index.js';
import { failureOf, makeDirectory, removeDirectory, withBroker } from '../faults/small-broker.js';

const SPAN = { spanBytes: 4 * 1024, flush: 'async' } as const;
let dataDir: string;
beforeEach(() => {
  dataDir = makeDirectory();
});
afterEach(() => removeDirectory(dataDir));

const grantOf = (number: number) => ({
  ...{ to: 'anna', right: 'publish' as const },
  resource: `topic:${'t'.repeat(60)}${number}`,
});

async function resources(admin: Admin): Promise<string[]> {
  return (await admin.listGrants()).map(({ resource }) => resource);
}

it('rights that are given and taken many times leave no record that is too long', async () => {
  await withBroker(
    dataDir,
    async ({ client }) => {
      const admin = client.admin();
      await admin.createUser({ user: 'anna', password: 'a long password' });
      await admin.grant(grantOf(-1));
      for (let number = 0; number < 100; number++) {
        await admin.grant(grantOf(number));
        await admin.revoke(grantOf(number));
      }
      expect(await resources(admin)).toEqual([grantOf(-1).resource]);
    },
    SPAN,
  );
  await withBroker(
    dataDir,
    async ({ client }) => expect(await resources(client.admin())).toEqual([grantOf(-1).resource]),
    SPAN,
  );
});

it('what is too long is refused, changes nothing, and keeps nothing else from the log', async () => {
  let count = 0;
  await withBroker(
    dataDir,
    async ({ client }) => {
      const admin = client.admin();
      await admin.createUser({ user: 'anna', password: 'a long password' });
      const granted = async (): Promise<boolean> => {
        try {
          await admin.grant(grantOf(count));
          return true;
        } catch (error) {
          expect(error).toMatchObject({
            code: 'BAD_ARGUMENT',
            message: expect.stringContaining('spanBytes'),
          });
          return false;
        }
      };
      while (count < 200 && (await granted())) {
        count++;
      }
      expect(count).toBeGreaterThan(10);
      expect(count).toBeLessThan(200);
      const sets = Array.from({ length: 60 }, (_, i) => `${'s'.repeat(100)}${i}`);
      const long = await failureOf(admin.createTopic({ topic: 'long', queues: 1, sets }));
      expect(long.code).toBe('BAD_ARGUMENT');
      await admin.createTopic({ topic: 't', queues: 1 });
      await admin.revoke(grantOf(0));
      expect(await resources(admin)).toHaveLength(count - 1);
    },
    SPAN,
  );
  await withBroker(
    dataDir,
    async ({ client }) => {
      const admin = client.admin();
      expect(await resources(admin)).toHaveLength(count - 1);
      expect((await admin.listTopics()).map(({ topic }) => topic)).toContain('t');
    },
    SPAN,
  );
});
