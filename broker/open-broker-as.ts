/** Looks at what was asked for and at who leads, opens the engine, and puts a broker around it. */

import { Engine } from '../engine/engine.js';
import type { EngineEvents } from '../engine/engine-events.js';
import {
  brokerSetOf,
  type EngineOptions,
  type ResolvedEngineOptions,
  resolveEngineOptions,
} from '../engine/options.js';
import { abortError, throwIfAborted } from '../native-free/client/abort.js';
import type { CallOptions } from '../native-free/client/call-options.js';
import { guarded } from '../native-free/client/callback.js';
import { callbackOption } from '../native-free/client/options.js';
import { monotonicMs } from '../native-free/time/index.js';
import { Broker, type BrokerEvents, type BrokerHost } from './broker.js';
import { Configuration } from './configuration.js';
import type { HostSettings } from './configured-option.js';
import { checkController, mayFound } from './controller-rules.js';
import { checkFiles } from './package-files.js';
import { SecretFile } from './secret-file.js';
import { takeGiven } from './take-given.js';

/** A master is not opened again and again for a disk that spoils what was repaired. */
const AGAIN_MS = 600_000;

/**
 * As `openBroker`, for a program that can say more of itself. `embed`: for clients in this process; null: it
 * has none, and so does not load what they need.
 */
export async function openBrokerAs(
  options: EngineOptions & BrokerEvents & CallOptions,
  settings: HostSettings,
  embed: BrokerHost['embed'],
): Promise<Broker> {
  const { signal, ...given } = takeGiven('openBroker', options);
  const { onWarning: warned, onFatal: died, onReplication: followed, ...engineOptions } = given;
  for (const [name, callback] of Object.entries({
    onWarning: warned,
    onFatal: died,
    onReplication: followed,
  })) {
    callbackOption(name, callback);
  }
  // They are called from anywhere: what they throw is their program's, and changes nothing here.
  const [onWarning, onFatal, onReplication] = [guarded(warned), guarded(died), guarded(followed)];
  throwIfAborted(signal);
  checkFiles();
  const resolved = resolveEngineOptions(engineOptions);
  await checkController(engineOptions);
  const configuration = new Configuration(engineOptions, resolved, settings);
  const secretFile =
    resolved.secretFile === undefined ? null : new SecretFile(resolved.secretFile, onWarning);
  try {
    return await openWith(
      engineOptions,
      resolved,
      {
        embed,
        configuration,
        secretFile,
        mayFound: mayFound(resolved),
        onWarning,
        onFatal,
        onReplication,
      },
      signal,
    );
  } catch (error) {
    secretFile?.close();
    throw error;
  }
}

async function openWith(
  engineOptions: EngineOptions,
  resolved: ResolvedEngineOptions,
  host: Omit<BrokerHost, 'open'> & Pick<EngineEvents, 'onWarning' | 'onFatal'>,
  signal: AbortSignal | undefined,
): Promise<Broker> {
  const { configuration, onWarning, onFatal } = host;
  const secrets = host.secretFile?.secrets ?? null;
  const master =
    resolved.nameServers.length === 0
      ? null
      : await (await import('./other-master.js')).otherMaster(resolved, secrets);
  let broker: Broker | null = null;
  let dataDir: string | undefined;
  let openedAgainAt = Number.NEGATIVE_INFINITY;
  // Opened again it is the same directory and the same files, wherever the process, and links, lead by then.
  const { secretFile, linkTls, controllerLink } = resolved;
  const places = (): EngineOptions => ({
    ...engineOptions,
    ...(secretFile === undefined ? {} : { secretFile }),
    ...(engineOptions.linkTls === undefined ? {} : { linkTls }),
    ...(engineOptions.controllerLink === undefined ? {} : { controllerLink }),
    ...(dataDir === undefined ? {} : { dataDir }),
  });
  const open: BrokerHost['open'] = (role) =>
    Engine.open(
      { ...places(), ...role },
      {
        onWarning,
        onFatal,
        onFenced: (masterUrl) => broker?.fenced(masterUrl),
        onStale: () => {
          openedAgainAt = monotonicMs();
          broker?.stale();
        },
        mayOpenAgain: () => broker !== null && monotonicMs() - openedAgainAt > AGAIN_MS,
        configuration: () => configuration.list(),
        setLogLevel: (level) => configuration.setLogLevel(level),
        nameServers: () => configuration.nameServers,
      },
      secrets,
      role.role === 'slave',
    );
  const engine = await open(
    master === null ? {} : { role: 'slave', master: master.url, brokerSet: brokerSetOf(resolved) },
  );
  dataDir = engine.handle.dir.path;
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
  broker = new Broker(engine, { ...host, open });
  return broker;
}
