import type { Command } from 'commander';
import { pino } from 'pino';
import { openBroker } from '../broker/index.js';
import { type ListenOptions, resolveListenOptions } from '../broker/listen-options.js';
import type { BrokerEvents } from '../broker/open-broker.js';
import { isRingMQError, RingMQError } from '../native-free/wire/index.js';
import { type BrokerConfig, readBrokerConfig, refuseClusterSettings } from './broker-config.js';
import { stopWanted } from './stop-signals.js';

const DEFAULT_LISTEN = { host: '127.0.0.1', port: 9876 } as const;

/** `ringmq broker`: serves until SIGTERM, SIGINT or SIGHUP, then drains and ends with 0. */
export async function runBroker(command: Command): Promise<void> {
  const flags = command.opts<BrokerConfig & { config?: string }>();
  const { config: path, ...given } = flags;
  const config: BrokerConfig = { ...(path === undefined ? {} : readBrokerConfig(path)), ...given };
  refuseClusterSettings(config);
  if ((config.tlsCert === undefined) !== (config.tlsKey === undefined)) {
    command.error('error: --tls-cert and --tls-key go together');
  }
  // Checked before the directory is touched: what cannot be served is not opened.
  const listen = listenOptions(config);
  resolveListenOptions(listen);
  const stderr = pino.destination({ dest: 2, sync: true });
  // A terminal that was closed takes no lines any more, and that shall not keep the broker from a clean stop.
  stderr.on('error', () => {});
  const log = pino({ base: { pid: process.pid }, level: config.logLevel ?? 'info' }, stderr);
  const stopping = stopWanted();
  let onFatal = (_error: unknown): void => {};
  // Fail-stop: a log that cannot be trusted to hold a write is not served any further.
  const failed = new Promise<never>((_resolve, reject) => {
    onFatal = reject;
  });
  failed.catch(() => {});
  const startedAt = performance.now();
  const broker = await openWith(config, {
    onWarning: (message, details) => log.warn(details, message),
    onFatal,
  });
  try {
    const listener = await broker.listen(listen);
    log.info({ listener: listener.listener, threads: listener.threads }, `listener: ${listener.reason}`);
    const ms = Math.round(performance.now() - startedAt);
    log.info({ url: listener.url, flush: config.flush ?? 'sync', openedInMs: ms }, 'serving');
    process.stdout.write(`ready ${listener.url}\n`);
    const why = await Promise.race([stopping, failed]);
    log.info(`stopping: ${why}`);
  } finally {
    await broker.close();
  }
  log.info('stopped');
}

function listenOptions(config: BrokerConfig): ListenOptions {
  return withoutUndefined({
    ...(config.listen ?? DEFAULT_LISTEN),
    listener: config.listener,
    threads: config.listenerThreads,
    allowedOrigins: config.allowOrigin,
    tls:
      config.tlsCert !== undefined && config.tlsKey !== undefined
        ? { certFile: config.tlsCert, keyFile: config.tlsKey }
        : undefined,
    insecure: config.insecure,
    maxConnections: config.maxConnections,
  });
}

/** Opens the broker; what is wrong with an option is told by the name the setting has here. */
async function openWith(config: BrokerConfig, events: BrokerEvents) {
  try {
    return await openBroker({ ...engineOptions(config), ...events });
  } catch (error) {
    if (!isRingMQError(error) || error.code !== 'BAD_CONFIG') {
      throw error;
    }
    const message = error.message.replaceAll(/[A-Za-z]+/g, (word) => SETTING_OF_OPTION[word] ?? word);
    throw new RingMQError('BAD_CONFIG', message, { cause: error, details: error.details });
  }
}

const SETTING_OF_OPTION: Record<string, string> = {
  dataDir: 'data',
  flushIntervalMs: 'flushInterval',
  ringBytes: 'ringSize',
  memoryRingBytes: 'memoryRingSize',
  segmentBytes: 'segmentSize',
  retentionMs: 'retention',
  retentionBytes: 'retentionSize',
  minFreeBytes: 'minFree',
  checkpointBytes: 'checkpointSize',
};

function engineOptions(config: BrokerConfig) {
  return withoutUndefined({
    dataDir: config.data,
    name: config.name,
    flush: config.flush,
    flushIntervalMs: config.flushInterval,
    ringBytes: config.ringSize,
    memoryRingBytes: config.memoryRingSize,
    segmentBytes: config.segmentSize,
    retentionMs: config.retention,
    retentionBytes: config.retentionSize,
    minFreeBytes: config.minFree,
    checkpointBytes: config.checkpointSize,
  });
}

/** An absent setting takes its default; one that is there and undefined would not be checked the same way. */
function withoutUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, setting]) => setting !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
