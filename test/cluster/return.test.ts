/** A master that was replaced comes back as a slave, however it comes back, and takes nothing meanwhile. */
import { expect, it } from 'vitest';
import { type Broker, openBroker, openNameServer } from '../../broker/index.js';
import { makeDirectory, removeDirectory } from '../cli/cli-process.js';
import { keep } from '../kept.js';
import { NameServerClient } from './name-server-client.js';
import { SMALL } from './small-rings.js';

class Node {
  readonly dataDir = makeDirectory();
  readonly warnings: string[] = [];
  broker!: Broker;
  url = '';
  readonly name: string;
  readonly nameServers: string[];
  readonly events: string[] = [];

  constructor(name: string, nameServers: string) {
    this.name = name;
    this.nameServers = nameServers.split(',');
    keep({ close: () => removeDirectory(this.dataDir) });
  }

  async start(role: 'master' | 'slave'): Promise<this> {
    const { dataDir, name, nameServers } = this;
    const onWarning = (message: string) => this.warnings.push(message);
    const onReplication = ({ event }: { event: string }) => this.events.push(event);
    const place = { name, role, brokerSet: 'a', nameServers };
    this.broker = keep(await openBroker({ ...SMALL, dataDir, ...place, onWarning, onReplication }));
    ({ url: this.url } = await this.broker.listen({ port: 0, listener: 'ws' }));
    return this;
  }

  async promote(): Promise<void> {
    const client = await NameServerClient.connect(this.url);
    expect((await client.request('promote', {})).failed).toBe(false);
    await client.close();
  }

  /** What its welcome says. */
  async masterSaid(): Promise<unknown> {
    const client = await NameServerClient.connect(this.url);
    const { master } = await client.welcome;
    await client.close();
    return master;
  }

  async send(body: string): Promise<void> {
    const client = this.broker.client();
    await client.producer().send({ topic: 't', body });
    await client.close();
  }
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

it('by itself when it is cut off, after a restart with the flags of a master, and after having been promoted itself', async () => {
  const ns = keep(await openNameServer({ port: 0, listener: 'ws' }));
  const asker = keep(await NameServerClient.connect(ns.url));
  const state = async () => {
    const { brokers } = await asker.ask('clusterStatus', {});
    return brokers
      .filter(({ up }) => up)
      .map(({ name, role, isMaster, end }) => ({ name, role, isMaster, end }));
  };
  const settledAs = async (master: string, slave: string) => {
    await until(async () => {
      const brokers = await state();
      const [one, two] = [master, slave].map((name) => brokers.find((each) => each.name === name));
      return one?.isMaster === true && two?.role === 'slave';
    });
  };
  /** A name server has heard so from its master: only then is it no mistake to promote it. */
  const isInSync = async (slave: string) => {
    await until(async () => {
      const { brokers } = await asker.ask('clusterStatus', {});
      return brokers.some(({ name, up, inSync }) => name === slave && up && inSync === true);
    });
  };
  const [a, b] = [new Node('a', ns.url), new Node('b', ns.url)];
  await a.start('master');
  const client = a.broker.client();
  await client.admin().createTopic({ topic: 't', queues: 1 });
  await client.close();
  await b.start('slave');
  await a.send('one');
  await until(async () => {
    const [one, two] = await Promise.all([a.broker.stats(), b.broker.stats()]);
    return one.log.endPosition === two.log.endPosition;
  });
  await isInSync('b');
  await b.promote();
  await settledAs('b', 'a');
  await b.send('two');
  // The one that was promoted is replaced in its turn.
  await until(async () => a.broker.stats().log.endPosition === b.broker.stats().log.endPosition);
  await isInSync('a');
  await a.promote();
  await settledAs('a', 'b');
  // And is replaced while it is down.
  await until(async () => a.broker.stats().log.endPosition === b.broker.stats().log.endPosition);
  await isInSync('b');
  await a.broker.close();
  await b.promote();
  await until(async () => (await state()).some(({ name, isMaster }) => name === 'b' && isMaster));
  await a.start('master');
  expect(a.warnings.join()).toContain('is opened as a slave');
  await settledAs('b', 'a');
  await b.send('three');
  await until(async () => a.broker.stats().log.endPosition === b.broker.stats().log.endPosition);
}, 120_000);

it('and a slave goes on following it, whatever a name server that does not know it says', async () => {
  const [known, other] = [
    keep(await openNameServer({ port: 0, listener: 'ws' })),
    keep(await openNameServer({ port: 0, listener: 'ws' })),
  ];
  const a = await new Node('a', known.url).start('master');
  const b = await new Node('b', `${known.url},${other.url}`).start('slave');
  const client = a.broker.client();
  await client.admin().createTopic({ topic: 't', queues: 1 });
  await client.close();
  const isSame = () => a.broker.stats().log.endPosition === b.broker.stats().log.endPosition;
  await until(isSame);
  // It has the log now, and nobody has told it of a master but the name server.
  await b.broker.close();
  // That it followed before does not count.
  b.events.length = 0;
  await b.start('slave');
  await until(async () => (await b.masterSaid()) === a.url && b.events.at(-1) === 'following');
  b.events.length = 0;
  // The slave is told by the other one that there is no master.
  await known.close();
  await until(async () => (await b.masterSaid()) === null);
  await a.send('one');
  await until(isSame);
  expect(b.events).not.toContain('lost');
});
