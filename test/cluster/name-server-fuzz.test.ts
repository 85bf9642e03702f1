/** Whatever bytes come: a name server ends that connection, or answers; it keeps what others registered, and never fails itself. */

import { expect, it } from 'vitest';
import { NameServerDesk } from '../../engine/cluster/name-server-desk.js';
import { RouteTable } from '../../engine/cluster/route-table.js';
import { ERRORS, OPCODE } from '../../native-free/wire/index.js';
import { NameServerHost } from '../../transport/name-server-host.js';
import type { NameServerSession } from '../../transport/name-server-session.js';
import { fc } from '../properties.js';
import { FakeSocket } from '../transport/fake-socket.js';
import { helloFrame, requestFrame } from '../transport/make-batch.js';
import { allTopics, registration, topicOf } from './registrations.js';

function world() {
  const defects: unknown[] = [];
  const table: RouteTable = new RouteTable(
    {},
    {
      onChanged: (cluster, version) => host.routeChanged(cluster, version),
      onLinkEnded: () => undefined,
    },
    0,
  );
  const host = new NameServerHost(new NameServerDesk(table, null, () => 0), {
    name: 'nameserver',
    openingId: '0123456789abcdef',
    session: { listener: 'ws', onDefect: (_what, error) => defects.push(error) },
    onClosed: (link) => table.unregister(link, 0),
  });
  const open = (): [FakeSocket, NameServerSession] => {
    const socket = new FakeSocket();
    const session = host.open(socket);
    socket.handler = session;
    return [socket, session];
  };
  return { defects, table, host, open };
}

const REQUESTS = [
  requestFrame(1, 'registerBroker', {
    ...registration({ name: 'z', set: 'z', brokerId: '00000000000000b2' }),
  }),
  requestFrame(2, 'registerTopics', { ...allTopics([topicOf('t')]) }),
  requestFrame(3, 'route', {}),
  requestFrame(4, 'topicRoute', { topic: 't' }),
  requestFrame(5, 'topicChanges', { since: 0 }),
  requestFrame(6, 'clusterStatus', {}),
];

const damage = fc.record({
  frame: fc.constantFrom(...REQUESTS),
  at: fc.nat(600),
  byte: fc.nat(255),
  cut: fc.option(fc.nat(600)),
});
const junk = fc.oneof(
  fc.uint8Array({ maxLength: 80 }),
  damage.map(({ frame, at, byte, cut }) => {
    const bytes = Uint8Array.from(frame.subarray(0, cut ?? frame.length));
    if (bytes.length > 0) {
      bytes[at % bytes.length] = byte;
    }
    return bytes;
  }),
);

it('bytes that make no sense end their connection only', () => {
  fc.assert(
    fc.property(fc.array(junk, { maxLength: 12 }), fc.boolean(), (frames, greets) => {
      const { defects, table, host, open } = world();
      const [, broker] = open();
      broker.onFrame(helloFrame());
      broker.onFrame(requestFrame(1, 'registerBroker', { ...registration() }));
      broker.onFrame(requestFrame(2, 'registerTopics', { ...allTopics([topicOf('orders')]) }));
      const [socket, stranger] = open();
      if (greets) {
        stranger.onFrame(helloFrame());
      }
      for (const frame of frames) {
        stranger.onFrame(frame);
      }
      expect(defects).toEqual([]);
      if (socket.closed !== null) {
        expect(Object.keys(ERRORS)).toContain(socket.errorCode);
      }
      stranger.onClose();
      const { sets } = table.route({ cluster: 'default' }, 0);
      expect(sets.find(({ set }) => set === 'a')?.master?.name).toBe('a');
      expect(table.topicRoute({ topic: 'orders', cluster: 'default' }).sets).toHaveLength(1);
      host.close();
    }),
    { numRuns: 400 },
  );
});

it('what is asked for too often, or not read, ends the connection', () => {
  const { open, host } = world();
  const [socket, session] = open();
  session.onFrame(helloFrame());
  for (let i = 0; i < 20_000 && socket.closed === null; i++) {
    session.onFrame(requestFrame(i, 'route', {}));
    socket.take(OPCODE.response);
  }
  expect(socket.errorCode).toBe('TOO_MANY_REQUESTS');
  const [deaf, other] = open();
  other.onFrame(helloFrame());
  deaf.bufferedBytes = 64 * 1024 * 1024;
  other.onFrame(requestFrame(1, 'route', {}));
  expect(deaf.closed).not.toBeNull();
  host.close();
});
