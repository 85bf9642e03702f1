/** A listener's thread: one seat at the broker, one listener, a session for each connection. */
import { on } from 'node:events';
import { setImmediate } from 'node:timers';
import { parentPort, workerData } from 'node:worker_threads';
import { trustName } from '../engine/access/token-options.js';
import { attachThread } from '../engine/thread/attach-thread.js';
import type { BrokerThread } from '../engine/thread/broker-thread.js';
import { ConnectionCount } from '../native-free/listener/connection-count.js';
import { RareTeller } from '../native-free/listener/rare-teller.js';
import type { Listener } from '../native-free/listener/types.js';
import {
  isRingMQError,
  MAX_FRAME_BYTES,
  REPLICA_SUBPROTOCOL,
  RingMQError,
  SUBPROTOCOL,
} from '../native-free/wire/index.js';
import { chooseListener } from '../transport/choose-listener.js';
import { errorFrame } from '../transport/error-body.js';
import { ApiDoor } from '../transport/http/api-door.js';
import { HttpAnswers } from '../transport/http/http-answers.js';
import { SessionHost } from '../transport/session-host.js';
import { defectTeller } from './defects.js';
import {
  type ListenerOrder,
  type ListenerWork,
  type ListenerWorkerData,
  type ListenerWorkerMessage,
  SOCKETS,
} from './listener-messages.js';

/** A stop waits so long for acks that are under way. */
const DRAIN_MS = 5_000;

const port = parentPort;
if (port === null) {
  throw new RingMQError('INTERNAL', 'listener-worker.js runs as a worker only');
}
/** From the start, and in their order: one that comes while it is still about to listen waits. */
const messages = on(port, 'message');
// It may have been started, and has loaded all that it runs, before its work was known.
const data: ListenerWork = (await messages.next()).value[0];
/** What all connections may hold together is shared out among the threads. */
const THREADS = data.kind === 'ws' ? 1 : data.options.threads;

function say(message: ListenerWorkerMessage): void {
  port?.postMessage(message);
}

const state = new Int32Array((workerData as ListenerWorkerData).state);

function socketsAre(now: number): void {
  Atomics.store(state, 0, now);
  Atomics.notify(state, 0);
}

async function serve(thread: BrokerThread): Promise<void> {
  const sessions = new SessionHost(thread, {
    listener: data.kind,
    authenticates: data.options.auth,
    tokenTrust: data.options.jwt === undefined ? null : trustName(data.options.jwt),
    maxUnreadBytesInAll: Math.ceil(data.options.maxUnreadBytes / THREADS),
    messageTimeoutMs: data.options.messageTimeoutMs,
    maxConnectionsPerAddress: data.options.maxConnectionsPerAddress,
    maxHandshakesPerAddress: data.options.maxHandshakesPerAddress,
    addressTable: data.addressTable,
    userBytesPerSecond: data.options.userBytesPerSecond,
    userMessagesPerSecond: data.options.userMessagesPerSecond,
    onDefect: defectTeller(thread),
  });
  socketsAre(SOCKETS.open);
  const api = new ApiDoor(data.api);
  const answers = new HttpAnswers(thread, data.options, api);
  const listener = await startListener(sessions, thread, answers);
  void obey();
  // Also when this thread throws or calls `process.exit`.
  process.once('exit', () => void listener.close());
  say({ type: 'listening', port: listener.port });

  async function obey(): Promise<void> {
    for await (const [order] of messages as AsyncIterable<[ListenerOrder]>) {
      if (order === 'renew') {
        listener.renewCertificates();
      } else {
        void (order === 'end' ? end() : stop());
      }
    }
  }

  async function stop(): Promise<void> {
    sessions.stopTaking();
    await thread.access.tellCounted();
    if (!(await thread.drained(DRAIN_MS))) {
      thread.warn(
        `some of what clients had sent was not acked within ${DRAIN_MS} ms, and is not waited for: they send it again to whoever serves next`,
      );
    }
    sessions.close();
    api.close();
    await listener.close();
    socketsAre(SOCKETS.closed);
    await thread.close();
    port?.close();
  }

  /** The process, or this thread, is about to be ended: nothing is drained. */
  async function end(): Promise<void> {
    await listener.close();
    // What libuv closes is gone only at the end of a turn, and uWebSockets.js frees its sockets a turn later.
    for (let turns = 0; turns < 3; turns++) {
      await new Promise<void>((resolve) => {
        setImmediate(resolve);
      });
    }
    socketsAre(SOCKETS.closed);
  }
}

function startListener(sessions: SessionHost, thread: BrokerThread, answers: HttpAnswers): Promise<Listener> {
  const { options, kind } = data;
  const refusals = new RareTeller((line) => thread.warn(line));
  return chooseListener(kind).start({
    host: options.host,
    port: data.port,
    joinPort: data.joinPort,
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    maxFrameBytes: MAX_FRAME_BYTES,
    allowedOrigins: options.allowedOrigins,
    maxConnections: options.maxConnections,
    connectionCount: new ConnectionCount(data.connectionCounts, data.index),
    idleTimeoutSeconds: options.idleTimeoutSeconds,
    refusalFrame: ({ code, message }) => errorFrame(new RingMQError(code, message)),
    onRefused: ({ code, message }) =>
      refusals.tell(message.replace(/^there are \d+/, code), `a client was refused: ${message}`),
    maxPartialBytes: Math.ceil(options.maxPartialBytes / THREADS),
    messageTimeoutMs: options.messageTimeoutMs,
    onWarning: (message) => thread.warn(message),
    answer: (request) => answers.answer(request),
    subprotocols: [SUBPROTOCOL, REPLICA_SUBPROTOCOL],
    accept: (socket, { protocol }) =>
      protocol === REPLICA_SUBPROTOCOL ? sessions.openReplica(socket) : sessions.open(socket),
  });
}

/** Nothing serves: the thread must end, so its seat and its waits go first. */
async function giveUp(error: unknown, thread: BrokerThread): Promise<void> {
  socketsAre(SOCKETS.closed);
  const known = isRingMQError(error) ? error : new RingMQError('INTERNAL', String(error));
  await thread.close();
  say({ type: 'failed', code: known.code, message: known.message });
  port?.close();
}

const thread = attachThread(data.handle, data.name);
serve(thread).catch((error: unknown) => giveUp(error, thread));
