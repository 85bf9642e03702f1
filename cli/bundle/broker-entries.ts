/** What a broker, or a cluster, tells of itself. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '../../native-free/client/index.js';
import { statusByUrls } from '../cluster/cluster-status.js';
import { openClient } from '../connection.js';
import { type BundleEntry, MAX_LISTED, type Missing, reasonOf } from './entry.js';
import type { Scrubber } from './scrub.js';

const BETWEEN_READINGS_MS = 1_000;
const HISTORY_POINTS = 500;

export async function brokerEntries(
  url: string,
  scrubber: Scrubber,
): Promise<{ entries: BundleEntry[]; missing: Missing[] }> {
  const entries: BundleEntry[] = [];
  const missing: Missing[] = [];
  const take = async (name: string, holds: string, read: () => Promise<unknown>): Promise<void> => {
    try {
      entries.push({ name, holds, content: { json: await read() } });
    } catch (error) {
      missing.push({ what: holds, why: reasonOf(error) });
    }
  };
  let client: Client;
  try {
    client = await openClient(url);
  } catch (error) {
    return { entries, missing: [{ what: 'everything that the broker tells', why: reasonOf(error) }] };
  }
  try {
    const admin = client.admin();
    const { broker } = client;
    scrubber.addName('broker', broker.brokerName);
    scrubber.addName('broker', broker.cluster);
    for (const set of broker.brokerSets ?? []) {
      scrubber.addName('broker', set);
    }
    await take('broker.json', 'who answered, and how it flushes', async () => broker);
    if (broker.brokerSets !== undefined) {
      await take('cluster.json', 'name servers, brokers, roles, epochs, lag', async () => {
        const view = await statusByUrls(url.split(','));
        for (const { name, set } of view.brokers) {
          scrubber.addName('broker', name);
          scrubber.addName('broker', set);
        }
        return view;
      });
    }
    await take('stats.json', 'two readings of the statistics, a second apart', async () => {
      const first = await admin.stats();
      await delay(BETWEEN_READINGS_MS);
      return [first, await admin.stats()];
    });
    await take('configuration.json', 'options of each broker, and where they come from', () =>
      admin.configuration(),
    );
    await take('name-servers.json', 'options of each name server, and where they come from', () =>
      admin.nameServerConfiguration(),
    );
    await take('history.json', `the last day's figures, ${HISTORY_POINTS} of each`, () =>
      admin.history({ points: HISTORY_POINTS }),
    );
    await take('topics.json', `topics, and the queues of the first ${MAX_LISTED}`, async () => {
      const topics = await admin.listTopics();
      for (const { topic } of topics) {
        scrubber.addName('topic', topic);
      }
      const described = await eachOf(topics, ({ topic }) => admin.describeTopic(topic));
      return { count: topics.length, topics, described };
    });
    await take('groups.json', `consumer groups, and the offsets of the first ${MAX_LISTED}`, async () => {
      const groups = await admin.listGroups();
      for (const { group } of groups) {
        scrubber.addName('group', group);
      }
      const described = await eachOf(groups, async ({ group }) => {
        const found = await admin.describeGroup(group);
        for (const { memberId } of found.queues) {
          scrubber.addName('member', memberId);
        }
        return found;
      });
      return { count: groups.length, groups, described };
    });
    await take('connections.json', `the first ${MAX_LISTED} connections`, async () => {
      const page = await admin.listConnections({ limit: MAX_LISTED });
      for (const { user, name } of page.connections) {
        scrubber.addName('user', user);
        scrubber.addName('user', name);
      }
      return page;
    });
  } finally {
    await client.close();
  }
  return { entries, missing };
}

/** What one of them is asked may be gone by then. */
async function eachOf<T>(items: readonly T[], describe: (item: T) => Promise<unknown>): Promise<unknown[]> {
  const found: unknown[] = [];
  for (const item of items.slice(0, MAX_LISTED)) {
    found.push(await describe(item).catch((error: unknown) => ({ ...item, error: reasonOf(error) })));
  }
  return found;
}
