/** Brokers of this process in a set whose master etcd names, and that etcd. */
import { type Broker, type BrokerEvents, openBroker } from '../../../broker/index.js';
import { EtcdClient } from '../../../engine/cluster/etcd/etcd-client.js';
import { EtcdSetStore, setPrefix } from '../../../engine/cluster/etcd/etcd-set-store.js';
import type { EngineOptions } from '../../../engine/options.js';
import { makeDirectory, removeDirectory } from '../../cli/cli-process.js';
import { keep } from '../../kept.js';
import { until } from '../../replica/nodes.js';
import { EtcdProcess } from '../etcd-process.js';
import { SMALL } from '../small-rings.js';

/** One that may be opened again, as another or the same. */
export class Place {
  readonly dataDir = makeDirectory();
  readonly #name: string;
  /** What its controller has it do. */
  said = '';
  broker!: Broker;
  url = '';

  constructor(name: string) {
    this.#name = name;
    keep({ close: () => removeDirectory(this.dataDir) });
  }

  async open(options: EngineOptions & BrokerEvents): Promise<this> {
    const { dataDir } = this;
    this.said = '';
    const onReplication = (event: object): void => {
      this.said += JSON.stringify(event);
    };
    this.broker = keep(
      await openBroker({ ...SMALL, dataDir, name: this.#name, brokerSet: 'a', onReplication, ...options }),
    );
    ({ url: this.url } = await this.broker.listen({ port: 0, listener: 'ws' }));
    return this;
  }

  /** Tries until it is taken. */
  async send(body: string): Promise<void> {
    await until(async () => {
      // A broker that opens its data again ends its clients.
      const client = this.broker.client();
      try {
        await client.admin().createTopic({ topic: 't', queues: 1, ifNotExists: true });
        await client.producer().send({ topic: 't', body });
        return true;
      } catch {
        return false;
      } finally {
        await client.close();
      }
    });
  }

  get end(): number {
    return this.broker.stats().log.endPosition;
  }
}

export async function etcdOf(): Promise<{
  controller: string;
  store: EtcdSetStore;
  empty: () => Promise<void>;
}> {
  const etcd = await EtcdProcess.start();
  keep({ close: () => etcd.end() });
  const options = { endpoints: [etcd.endpoint], callTimeoutMs: 20_000 };
  const store = keep(await EtcdSetStore.open(options, 'default', 'a'));
  const client = keep(await EtcdClient.open(options));
  const empty = async (): Promise<void> => {
    const { keys } = await client.readPrefix(setPrefix('default', 'a'));
    await client.transact(
      [],
      keys.map(({ key }) => ({ remove: { key } })),
    );
  };
  return { controller: `etcd://${etcd.endpoint}`, store, empty };
}
