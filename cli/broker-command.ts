import type { Command } from 'commander';
import type { Logger } from 'pino';
import { checkAdvertised } from '../broker/advertised.js';
import { checkListening } from '../broker/check-listening.js';
import type { ReplicationEvent } from '../broker/follower/follow.js';
import { openBrokerAs } from '../broker/open-broker-as.js';
import type { OptionInfo } from '../engine/option-info.js';
import type { EngineOptions } from '../engine/options.js';

import { monotonicMs } from '../native-free/time/index.js';
import { isRingMQError, RingMQError } from '../native-free/wire/index.js';
import { hostSettings, inSettingsNames, misspelledVariables, readBrokerSettings } from './broker-settings.js';
import { CatchUpView } from './catch-up-view.js';
import { isForPeople, openLog } from './log.js';
import { byteBars } from './progress.js';
import { stopWanted } from './stop-signals.js';

/** `ringmq broker`: serves until SIGTERM or SIGINT, then drains and ends with 0; SIGHUP does the same, but with TLS or a secret file: these it has read again. */
export async function runBroker(command: Command): Promise<void> {
  const settings = readBrokerSettings(command);
  const { listen } = settings;
  // Checked before the directory is touched: what cannot be served is not opened.
  await told(() => {
    checkAdvertised(settings.engine, listen.host ?? '');
    return checkListening(listen);
  });
  let catchUp: CatchUpView | null = null;
  const log = openLog(settings.command, () => catchUp?.isDrawn === true);
  for (const { variable, meant } of misspelledVariables()) {
    log.warn({ variable }, `${variable} is set and means nothing; did you mean ${meant}?`);
  }
  let renew = (): boolean => false;
  const stopping = stopWanted(() => renew());
  let onFatal = (_error: unknown): void => {};
  // Fail-stop: a log that cannot be trusted to hold a write is not served any further.
  const failed = new Promise<never>((_resolve, reject) => {
    onFatal = reject;
  });
  failed.catch(() => {});
  const isDrawing = process.stderr.isTTY && isForPeople(settings.command);
  const view = new CatchUpView(log, isDrawing ? await byteBars(process.stderr, 'catching up') : null);
  catchUp = view;
  const startedAt = monotonicMs();
  const broker = await told(() =>
    openBrokerAs(
      {
        ...settings.engine,
        onWarning: (message, details) => log.warn(details, message),
        onFatal,
        onReplication: (event) => tellReplication(event, view, log),
      },
      hostSettings(settings, log),
      null,
    ),
  );
  try {
    const listener = await broker.listen(listen);
    const files = { tls: listen.tls, secretFile: settings.engine.secretFile };
    const again = {
      renewCertificates: () => listener.renewCertificates(),
      renewSecret: () => broker.renewSecret(),
    };
    renew = () => renewed(again, files, log);
    const how = { listener: listener.listener, threads: listener.threads };
    log[listener.isFallback ? 'warn' : 'info'](how, `listener: ${listener.reason}`);
    const ms = Math.round(monotonicMs() - startedAt);
    log.info({ url: listener.url, flush: settings.engine.flush ?? 'sync', openedInMs: ms }, 'serving');
    tellFailover(settings.engine, (text) => log.info(text));
    process.stdout.write(`ready ${listener.url}\n`);
    const why = await Promise.race([stopping, failed]);
    view.stop();
    log.info(`stopping: ${why}`);
  } finally {
    view.stop();
    await broker.close();
  }
  log.info('stopped');
}

/** What SIGHUP does where there is TLS, or a secret of the cluster. False: there is neither. */
export function renewed(
  server: { renewCertificates(): void; renewSecret(): void },
  { tls, secretFile }: { tls?: unknown; secretFile?: string | undefined },
  log: Logger,
): boolean {
  if (tls === undefined && secretFile === undefined) {
    return false;
  }
  const what =
    secretFile === undefined
      ? 'the TLS files are'
      : tls === undefined
        ? 'the secret file is'
        : 'the TLS files and the secret file are';
  log.info(`SIGHUP: ${what} read again; connections stay`);
  if (tls !== undefined) {
    server.renewCertificates();
  }
  server.renewSecret();
  return true;
}

function tellReplication(told: ReplicationEvent, view: CatchUpView, log: Logger): void {
  if (view.take(told)) {
    return;
  }
  const { event, ...details } = told;
  log.info(
    { event, ...details },
    'message' in details ? `${event}: ${details.message}` : `replication: ${event}`,
  );
}

/** Of a broker that has slaves, is one, or may get some: who makes one the master. */
function tellFailover(
  { controller, role, replication, nameServers = [] }: EngineOptions,
  tell: (text: string) => void,
): void {
  if (controller !== undefined) {
    tell(`failover is by itself: the controller at ${controller} says who is the master`);
  } else if (role === 'slave' || replication !== undefined || nameServers.length > 0) {
    tell(
      'failover is by hand: without --controller no slave becomes the master by itself; ringmq cluster promote makes it one',
    );
  }
}

/** What is wrong with an option is told by the name that it has here; `infos`: of other options than a broker's. */
export async function told<T>(work: () => T | Promise<T>, infos?: readonly OptionInfo[]): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isRingMQError(error) || !['BAD_CONFIG', 'BAD_ARGUMENT'].includes(error.code)) {
      throw error;
    }
    throw new RingMQError(error.code, inSettingsNames(error.message, infos), {
      cause: error,
      details: error.details,
    });
  }
}
