/** `openBroker`: looks at what was asked for and at who leads, opens the engine, and puts a broker around it. */

import { Engine } from '../engine/engine.js';
import { brokerSetOf, type EngineOptions, resolveEngineOptions } from '../engine/options.js';
import {
  abortError,
  type CallOptions,
  callbackOption,
  throwIfAborted,
} from '../native-free/client/internal.js';
import { Broker, type BrokerEvents, type BrokerHost } from './broker.js';
import { Configuration, type HostSettings } from './configuration.js';
import { otherMaster } from './other-master.js';
import { checkFiles } from './package-files.js';
import { readSecret } from './secret-file.js';
import { checkController, mayFound } from './set-member.js';
import { takeGiven } from './take-given.js';

/**
 * Opens (or makes) a data directory and starts a broker on it. No socket is opened unless `listen()` is
 * called. When `signal` is aborted meanwhile, what has been opened is closed again.
 * @throws RingMQError ABORTED, NOT_SUPPORTED (bundled into one file), NOT_MASTER (name servers know another
 * master of its set, with another log), BAD_CONFIG, BAD_ARGUMENT (a `controller`, and a `role` or `master`
 * that it decides), DATA_DIR_LOCKED (another process has it), LOG_CORRUPT, DISK_FULL, DISK_FAILED
 */
export function openBroker(options: EngineOptions & BrokerEvents & CallOptions = {}): Promise<Broker> {
  return openBrokerAs(options, {});
}

/** The same, for a program that can say more of itself. */
export async function openBrokerAs(
  options: EngineOptions & BrokerEvents & CallOptions,
  settings: HostSettings,
): Promise<Broker> {
  const { onWarning, onFatal, onReplication, signal, ...engineOptions } = takeGiven('openBroker', options);
  for (const [name, callback] of Object.entries({ onWarning, onFatal, onReplication })) {
    callbackOption(name, callback);
  }
  throwIfAborted(signal);
  checkFiles();
  const resolved = resolveEngineOptions(engineOptions);
  await checkController(engineOptions);
  const { secretFile } = resolved;
  const secret = secretFile === undefined ? null : readSecret(secretFile);
  const master = await otherMaster(resolved, secret);
  const founds = mayFound(resolved);
  const configuration = new Configuration(engineOptions, resolved, settings);
  let broker: Broker | null = null;
  const open: BrokerHost['open'] = (role) =>
    Engine.open(
      { ...engineOptions, ...role },
      {
        onWarning: onWarning ?? (() => undefined),
        onFatal: onFatal ?? (() => undefined),
        onFenced: (masterUrl) => broker?.fenced(masterUrl),
        onStale: () => broker?.stale(),
        configuration: () => configuration.list(),
        setLogLevel: (level) => configuration.setLogLevel(level),
      },
      secret,
      role.role === 'slave',
    );
  const engine = await open(
    master === null ? {} : { role: 'slave', master: master.url, brokerSet: brokerSetOf(resolved) },
  );
  if (master !== null) {
    const { name, url, epoch } = master;
    engine.warn(
      `'${name}' at ${url} has become master of this broker's set meanwhile: it is opened as a slave`,
      {
        master: url,
        epoch,
      },
    );
  }
  if (signal?.aborted) {
    await engine.close();
    throw abortError(signal);
  }
  broker = new Broker(engine, {
    open,
    configuration,
    secret,
    mayFound: founds,
    onWarning,
    onFatal,
    onReplication,
  });
  return broker;
}
