/** The conversation behind the examples of `docs/wire-protocol.md` about name servers: as a real one answers. */

import { ClusterSecrets } from '../../engine/access/cluster-secrets.js';
import { NameServerDesk } from '../../engine/cluster/name-server-desk.js';
import { brokerProof } from '../../engine/cluster/proof.js';
import { RouteTable } from '../../engine/cluster/route-table.js';
import type { NameServerMethods } from '../../native-free/wire/index.js';
import { NameServerHost } from '../../transport/name-server-host.js';
import { FakeSocket, settle } from '../transport/fake-socket.js';
import { helloFrame, requestFrame } from '../transport/make-batch.js';

class Recorder extends FakeSocket {
  readonly raw: Uint8Array[] = [];
  override send(frame: Uint8Array): void {
    this.raw.push(Uint8Array.prototype.slice.call(frame));
  }
}

class ExampleHost extends NameServerHost {
  override newNonce(): string {
    return '5a'.repeat(32);
  }
}

const SECRET = Buffer.from('an example of a secret');
const TOPIC = {
  topic: 'orders',
  topicId: 5,
  queues: 4,
  memory: false,
  createdTime: 1_760_000_000_000,
  sets: null,
};

/** What a broker says of itself. */
const REGISTRATION = {
  cluster: 'default',
  set: 'a',
  name: 'a',
  role: 'master' as const,
  url: 'ws://10.0.0.1:9876',
  brokerId: '00112233445566aa',
  openingId: '5e0c3b7a91d2f468',
  epoch: 3,
  start: 0,
  end: 8192,
  flushed: 8192,
  replicas: [{ name: 'a-slave', inSync: true, received: 8192, flushed: 4096, lagBytes: 0, lagMs: 0 }],
  nonce: 'a5'.repeat(32),
};

/** All that it knows of topics. */
const PAGE: NameServerMethods['registerTopics']['params'] = {
  from: null,
  revision: 12,
  topics: [TOPIC],
  gone: [],
  tombstones: [{ topic: 'invoices', createdTime: 1_750_000_000_000 }],
  forgotten: [],
  more: false,
};

/** Frames by the name they have in the document. */
export async function nameServerExamples(): Promise<Map<string, Uint8Array>> {
  const examples = new Map<string, Uint8Array>();
  const table: RouteTable = new RouteTable(
    {},
    { onChanged: (cluster, version) => host.routeChanged(cluster, version), onLinkEnded: () => {} },
    0,
  );
  const host = new ExampleHost(new NameServerDesk(table, new ClusterSecrets([SECRET]), () => 60_000), {
    name: 'nameserver',
    openingId: '8d0f4c3b2a197e65',
    session: { listener: 'uws' },
    onClosed: () => {},
  });
  const [broker, client] = [new Recorder(), new Recorder()];
  const [atBroker, atClient] = [host.open(broker), host.open(client)];
  const exchange = async (
    [socket, session]: [Recorder, { onFrame(bytes: Uint8Array): void }],
    name: string,
    frame: Uint8Array,
  ): Promise<void> => {
    socket.raw.length = 0;
    session.onFrame(frame);
    await settle();
    const answer = socket.raw[0];
    if (answer === undefined) {
      throw new Error(`${name} was not answered`);
    }
    examples.set(name, frame);
    examples.set(`${name}-answer`, answer);
  };
  const ofBroker: [Recorder, typeof atBroker] = [broker, atBroker];
  const ofClient: [Recorder, typeof atClient] = [client, atClient];
  await exchange(ofBroker, 'ns-hello', helloFrame({ client: 'a broker' }));
  examples.delete('ns-hello');
  await exchange(ofClient, 'ns-other-hello', helloFrame());
  examples.delete('ns-other-hello');
  examples.delete('ns-other-hello-answer');
  await exchange(ofClient, 'ns-first-route', requestFrame(1, 'route', {}));
  examples.delete('ns-first-route');
  examples.delete('ns-first-route-answer');
  const proof = brokerProof(SECRET, '5a'.repeat(32), REGISTRATION);
  client.raw.length = 0;
  await exchange(ofBroker, 'ns-register', requestFrame(1, 'registerBroker', { ...REGISTRATION, proof }));
  examples.set('ns-route-changed', client.raw[0] as Uint8Array);
  await exchange(ofBroker, 'ns-topics', requestFrame(2, 'registerTopics', { ...PAGE }));
  await exchange(ofClient, 'ns-route', requestFrame(2, 'route', { cluster: 'default' }));
  await exchange(ofClient, 'ns-topic-route', requestFrame(3, 'topicRoute', { topic: 'orders' }));
  await exchange(ofBroker, 'ns-changes', requestFrame(3, 'topicChanges', { since: 0, cluster: 'default' }));
  await exchange(ofClient, 'ns-status', requestFrame(4, 'clusterStatus', {}));
  host.close();
  return examples;
}
