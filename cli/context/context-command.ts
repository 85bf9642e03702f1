import { resolve } from 'node:path';
import type { Command } from 'commander';
import { RingMQError } from '../../native-free/wire/index.js';
import { type DestroyFlags, isToBeDone } from '../destroy.js';
import { printJson, printTable, sharedOptions } from '../output.js';
import { type Context, readContexts } from './context-file.js';
import { named } from './use-context.js';
import { writeContexts } from './write-contexts.js';

/** `ringmq context save`: what `--url`, `--user`, `--password-file` and `--token-file` say, under a name. The first one is selected. */
export function saveContext(command: Command, name: string): void {
  const { url, user, passwordFile, tokenFile, servername, ...files } = command.optsWithGlobals<Context>();
  if (passwordFile !== undefined && user === undefined) {
    throw new RingMQError('BAD_ARGUMENT', '--password-file goes with --user', {
      details: { option: 'password-file' },
    });
  }
  if (tokenFile !== undefined && user !== undefined) {
    throw new RingMQError('BAD_ARGUMENT', '--user and --token-file do not go together', {
      details: { option: 'token-file' },
    });
  }
  const known = readContexts();
  const context: Context = {
    url,
    ...(user === undefined ? {} : { user }),
    ...(passwordFile === undefined ? {} : { passwordFile: resolve(passwordFile) }),
    ...(tokenFile === undefined ? {} : { tokenFile: resolve(tokenFile) }),
    ...tlsOf(files),
    ...(servername === undefined ? {} : { servername }),
  };
  const selected = known.selected ?? name;
  writeContexts({ selected, contexts: { ...known.contexts, [name]: context } });
  tell(
    command,
    { saved: name, ...context, selected },
    `${name}: ${url}${selected === name ? ', selected' : ''}`,
  );
}

/** Its files, by absolute paths. */
function tlsOf({ ca, cert, clientKey }: Partial<Context>): Pick<Context, 'ca' | 'cert' | 'clientKey'> {
  return {
    ...(ca === undefined ? {} : { ca: resolve(ca) }),
    ...(cert === undefined ? {} : { cert: resolve(cert) }),
    ...(clientKey === undefined ? {} : { clientKey: resolve(clientKey) }),
  };
}

/** `ringmq context select`: what commands use that name no other. */
export function selectContext(command: Command, name: string): void {
  const known = readContexts();
  const { url } = named(known, name);
  writeContexts({ ...known, selected: name });
  tell(command, { selected: name, url }, `${name}: ${url}, selected`);
}

/** `ringmq context delete`. */
export async function deleteContext(command: Command, name: string, flags: DestroyFlags): Promise<void> {
  const known = readContexts();
  named(known, name);
  const deed = { told: { context: name }, text: `forget the context ${name}` };
  if (!(await isToBeDone(command, { ...flags, yes: true }, () => deed))) {
    return;
  }
  const { [name]: _gone, ...contexts } = known.contexts;
  const selected = known.selected === name ? null : known.selected;
  writeContexts({ selected, contexts });
  tell(command, { deleted: name, selected }, `${name}: deleted`);
}

/** `ringmq context list`: the selected one is marked with `*`. */
export function listContexts(command: Command): void {
  const { selected, contexts } = readContexts();
  const rows = Object.entries(contexts)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, context]) => ({ name, selected: name === selected, ...context }));
  if (sharedOptions(command).output === 'json') {
    printJson(rows);
    return;
  }
  printTable(
    ['', 'NAME', 'URL', 'USER', 'PASSWORD FILE', 'TOKEN FILE'],
    rows.map(({ name, selected: is, url, user, passwordFile, tokenFile }) => [
      is ? '*' : '',
      name,
      url,
      user ?? null,
      passwordFile ?? null,
      tokenFile ?? null,
    ]),
  );
}

function tell(command: Command, json: object, line: string): void {
  if (sharedOptions(command).output === 'json') {
    printJson(json);
  } else {
    process.stdout.write(`${line}\n`);
  }
}
