/** The registrar against real name servers: several, dead, new, wrong, silent ones. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { Packr } from 'msgpackr';
import { WebSocketServer } from 'ws';
import { type NameServer, openNameServer } from '../../broker/index.js';
import { Registrar, type RegistrarOptions } from '../../broker/registrar.js';
import {
  type BrokerRegistration,
  type ClusterTopic,
  FRAME,
  FRAME_HEADER_BYTES,
  MAX_BATCH_BYTES,
  MAX_BODY_BYTES,
  MAX_FRAME_BYTES,
  makeFrame,
  OPCODE,
  SUBPROTOCOL,
} from '../../native-free/wire/index.js';
import { keep } from '../kept.js';
import { NameServerClient } from './name-server-client.js';

export const server = async (options = {}): Promise<NameServer> =>
  keep(await openNameServer({ port: 0, listener: 'ws', ...options }));

export const FAST = { minWaitMs: 10, maxWaitMs: 50, refusedWaitMs: 50, pulseMs: 60_000 };

/** A registrar, and what it was told. */
export class Told {
  said: BrokerRegistration;
  readonly fenced: [number, string | null][] = [];
  readonly masters: (string | null)[] = [];
  readonly topics = new Map<string, ClusterTopic>();
  readonly warnings: string[] = [];
  readonly registrar: Registrar;

  constructor(nameServers: string[], said: BrokerRegistration, options: Partial<RegistrarOptions> = {}) {
    this.said = said;
    this.registrar = keep(
      new Registrar({
        nameServers,
        secrets: null,
        times: FAST,
        describe: () => this.said,
        onFenced: (epoch, url) => this.fenced.push([epoch, url]),
        onMaster: (url) => this.masters.push(url),
        onTopic: (topic) => this.topics.set(topic.topic, topic),
        onWarning: (message) => this.warnings.push(message),
        ...options,
      }),
    );
    this.registrar.open();
  }
}

/** Looked at until it holds; the test's own time limit ends it. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A name server that answers one method with what it was told before already. */
export async function lyingServer(
  lie: 'registerTopics' | 'topicChanges',
  lies: Record<string, object> = {},
): Promise<{ url: string; asked(): number }> {
  const sockets = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => SUBPROTOCOL });
  keep({ close: () => sockets.close() });
  await once(sockets, 'listening');
  const packr = new Packr({ useRecords: false });
  let asked = 0;
  sockets.on('connection', (socket) => {
    socket.on('message', (frame: Buffer) => {
      const payload =
        frame.length > FRAME_HEADER_BYTES ? packr.unpack(frame.subarray(FRAME_HEADER_BYTES)) : {};
      if (frame[FRAME.opcode] === OPCODE.hello) {
        const welcome = {
          version: 1,
          features: [],
          role: 'nameserver',
          nonce: 'n',
          openingId: 'o',
          brokerId: 'x',
          flush: 'sync',
          limits: { bodyBytes: MAX_BODY_BYTES, batchBytes: MAX_BATCH_BYTES, frameBytes: MAX_FRAME_BYTES },
        };
        socket.send(makeFrame(OPCODE.welcome, 0, { payload: packr.pack(welcome) }));
        return;
      }
      const { method } = payload as { method: string };
      asked += Number(method === lie);
      const answers: Record<string, object> = {
        registerBroker: {
          epoch: 1,
          master: null,
          revision: null,
          topicsVersion: lie === 'topicChanges' ? 7 : 0,
        },
        route: { cluster: 'default', version: 1, upMs: 1, sets: [] },
        registerTopics: {
          revision: lie === 'registerTopics' ? null : (payload as { revision: number }).revision,
        },
        topicChanges: { version: 0, complete: false, topics: [] },
        ...lies,
      };
      const answer = { payload: packr.pack(answers[method] ?? {}) };
      socket.send(makeFrame(OPCODE.response, frame.readUInt32LE(FRAME.id), answer));
    });
  });
  return { url: `ws://127.0.0.1:${(sockets.address() as AddressInfo).port}`, asked: () => asked };
}

export async function ask(url: string): Promise<NameServerClient> {
  return keep(await NameServerClient.connect(url));
}

export async function tcp(onSocket: (socket: Socket) => void): Promise<{ url: string; close(): void }> {
  const sockets = new Set<Socket>();
  const listening: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onSocket(socket);
  });
  listening.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  return keep({
    url: `ws://127.0.0.1:${(listening.address() as AddressInfo).port}`,
    close: () => {
      listening.close();
      for (const socket of sockets) {
        socket.destroy();
      }
    },
  });
}

/** Passes bytes on, until it does not and says nothing of it. */
export async function proxyTo(port: number) {
  let isFrozen = false;
  const pairs = new Set<[Socket, Socket]>();
  const listening = await tcp((near) => {
    const far = connect(port, '127.0.0.1');
    far.on('error', () => {});
    pairs.add([near, far]);
    near.on('data', (bytes) => isFrozen || far.write(bytes));
    far.on('data', (bytes) => isFrozen || near.write(bytes));
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
  });
  return {
    url: listening.url,
    freeze: () => {
      isFrozen = true;
    },
    thaw: () => {
      isFrozen = false;
      for (const [near, far] of pairs) {
        near.destroy();
        far.destroy();
      }
      pairs.clear();
    },
  };
}
