import type { Command } from 'commander';
import { openNameServerAs } from '../broker/name-server.js';
import { type NameServerOptions, nameServerOptionsSchema } from '../broker/name-server-options.js';
import { describeOptions } from '../engine/option-info.js';
import { renewed, told } from './broker-command.js';
import { hostSettings, listenOption, optionFlag, optionsFrom } from './broker-settings.js';
import { commandOptionsSchema } from './command-options.js';
import { openLog } from './log.js';
import { stopWanted } from './stop-signals.js';

const SERVER = describeOptions(nameServerOptionsSchema);
const LOG = describeOptions(commandOptionsSchema);

/** Gives the command a flag for each option there is. */
export function addNameServerFlags(command: Command): void {
  for (const info of SERVER) {
    if (info.path[0] !== 'port') {
      command.addOption(info.path[0] === 'host' ? listenOption('127.0.0.1:9800') : optionFlag(info));
    }
  }
  command.optionsGroup('Log:');
  for (const info of LOG) {
    command.addOption(optionFlag(info));
  }
}

/** `ringmq nameserver`: serves until SIGTERM or SIGINT, then ends with 0; SIGHUP does the same, but with TLS or a secret file: these it has read again. */
export async function runNameServer(command: Command): Promise<void> {
  const settings = command.opts<Record<string, unknown>>();
  const own = commandOptionsSchema.parse(optionsFrom<object>(LOG, settings));
  const log = openLog(own);
  const set = [...SERVER, ...LOG].filter(({ setting }) => setting in settings);
  const origins = Object.fromEntries(set.map(({ name }) => [name, 'flag' as const]));
  let renew = (): boolean => false;
  const stopping = stopWanted(() => renew());
  const server = await told(
    () =>
      openNameServerAs(
        {
          ...optionsFrom<NameServerOptions>(SERVER, settings),
          onWarning: (message, details) => log.warn(details, message),
        },
        hostSettings({ origins, command: own }, log),
      ),
    SERVER,
  );
  renew = () => renewed(server, optionsFrom<NameServerOptions>(SERVER, settings), log);
  try {
    log[server.isFallback ? 'warn' : 'info']({ listener: server.listener }, `listener: ${server.reason}`);
    log.info({ url: server.url }, 'serving');
    process.stdout.write(`ready ${server.url}\n`);
    log.info(`stopping: ${await stopping}`);
  } finally {
    await server.close();
  }
  log.info('stopped');
}
