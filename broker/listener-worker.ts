/** A listener's thread: one seat at the broker, one listener, a session for each connection. */
import { parentPort, workerData } from 'node:worker_threads';
import type { BrokerHandle } from '../engine/handle.js';
import { attachThread } from '../engine/thread/attach-thread.js';
import type { BrokerThread } from '../engine/thread/broker-thread.js';
import { isRingMQError, MAX_FRAME_BYTES, RingMQError } from '../native-free/wire/index.js';
import { chooseListener } from '../transport/choose-listener.js';
import { SessionHost } from '../transport/session-host.js';
import type { ResolvedListenOptions } from './listen-options.js';

/** `workerData` of this worker. */
export interface ListenerWorkerData {
  handle: BrokerHandle;
  options: ResolvedListenOptions;
  kind: 'uws' | 'ws';
  port: number;
  /** Listener threads there will be. */
  threads: number;
  /** Another thread of this broker listens on the port already. */
  joinPort: boolean;
}

/** What it tells the thread that started it. */
export type ListenerWorkerMessage =
  | { type: 'listening'; port: number }
  | { type: 'failed'; code: string; message: string }
  | { type: 'defect'; message: string }
  | { type: 'closed' };

/** A stop waits so long for acks that are under way. */
const DRAIN_MS = 5_000;

const port = parentPort;
if (port === null) {
  throw new RingMQError('INTERNAL', 'listener-worker.js runs as a worker only');
}
const data = workerData as ListenerWorkerData;

function say(message: ListenerWorkerMessage): void {
  port?.postMessage(message);
}

function warn(message: string): void {
  say({ type: 'defect', message });
}

async function serve(thread: BrokerThread): Promise<void> {
  const { options, kind } = data;
  const sessions = new SessionHost(thread, {
    listener: kind,
    onDefect: (message, error) => warn(`${message}: ${String(error)}`),
  });
  const listener = await chooseListener(kind).start({
    host: options.host,
    port: data.port,
    joinPort: data.joinPort,
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    maxFrameBytes: MAX_FRAME_BYTES,
    allowedOrigins: options.allowedOrigins,
    maxConnections: Math.ceil(options.maxConnections / data.threads),
    idleTimeoutSeconds: options.idleTimeoutSeconds,
    accept: (socket) => sessions.open(socket),
  });
  port?.on('message', () => {
    void stop();
  });
  say({ type: 'listening', port: listener.port });

  async function stop(): Promise<void> {
    await thread.drained(DRAIN_MS);
    sessions.close();
    await listener.close();
    await thread.close();
    say({ type: 'closed' });
    port?.close();
  }
}

/** Nothing serves: the thread must end, so its seat and its waits go first. */
async function giveUp(error: unknown, thread: BrokerThread): Promise<void> {
  const known = isRingMQError(error) ? error : new RingMQError('INTERNAL', String(error));
  await thread.close();
  say({ type: 'failed', code: known.code, message: known.message });
  port?.close();
}

const thread = attachThread(data.handle);
serve(thread).catch((error: unknown) => giveUp(error, thread));
