/** Brokers that are registered under addresses which lead elsewhere. */
import { expect, it } from 'vitest';
import { openBroker, openNameServer } from '../../../broker/index.js';
import { connect } from '../../../native-free/client/index.js';
import { makeDirectory, removeDirectory } from '../../cli/cli-process.js';
import { NameServerClient } from '../../cluster/name-server-client.js';
import { registration } from '../../cluster/registrations.js';
import { SMALL } from '../../cluster/small-rings.js';
import { keep } from '../../kept.js';
import { until } from './cluster.js';

it('a master whose address is that of a slave does not make clients connect on and on', async () => {
  const dataDir = makeDirectory();
  keep({ close: () => removeDirectory(dataDir) });
  const slave = keep(
    await openBroker({
      ...{ dataDir, name: 'a-slave', role: 'slave', flush: 'async' },
      ...SMALL,
    }),
  );
  const { url } = await slave.listen({ port: 0, listener: 'ws', threads: 1 });
  const ns = keep(await openNameServer({ port: 0, listener: 'ws' }));
  const master = keep(await NameServerClient.connect(ns.url));
  await master.ask('registerBroker', registration({ name: 'a', set: 'a', url }));
  const states: string[] = [];
  const client = keep(
    await connect(ns.url, {
      ...{ reconnectMinMs: 1, reconnectMaxMs: 5, closeTimeoutMs: 100 },
      onConnection: (state) => states.push(state),
    }),
  );
  const before = slave.stats().connectionsOpened;
  // It looks whether there is a master by now.
  await until(() => slave.stats().connectionsOpened >= before + 3);
  expect(client.connected).toBe(true);
  expect(states.filter((state) => state === 'disconnected')).toEqual([]);
});

it('of several clusters of one name server the one that was asked for is meant', async () => {
  const ns = keep(await openNameServer({ port: 0, listener: 'ws' }));
  for (const cluster of ['blue', 'green']) {
    const broker = keep(await NameServerClient.connect(ns.url));
    await broker.ask('registerBroker', registration({ cluster, name: `of-${cluster}` }));
  }
  const client = keep(await connect(ns.url, { cluster: 'green', closeTimeoutMs: 0 }));
  expect(client.broker).toMatchObject({ cluster: 'green', brokerSets: ['of-green'] });
  await expect(connect(ns.url, { cluster: 'two words' })).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
});
