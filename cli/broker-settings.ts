/**
 * The settings of `ringmq broker` from all that may set them: a flag wins over a variable, a variable over
 * the config file. Names, bounds and texts come from the schemas of options; nothing is listed here a second
 * time.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { HostSettings } from '../broker/configured-option.js';
import { doubleKey } from '../broker/double-key.js';
import { type ListenOptions, listenOptionsSchema } from '../broker/listen-options.js';
import { nearest } from '../engine/nearest.js';
import { describeOptions, type OptionInfo } from '../engine/option-info.js';
import { type EngineOptions, engineOptionsSchema } from '../engine/options.js';
import { RingMQError } from '../native-free/wire/index.js';
import { type CommandOptions, commandOptionsSchema } from './command-options.js';
import { collect, listenFlag } from './flags.js';
import { defaultOf, readOptionJson, readOptionText } from './option-text.js';
import { parseHostPort } from './units.js';

/** `listen` sets two options, the host and the port. */
const LISTEN = 'listen';
const MAX_CONFIG_BYTES = 2 ** 20;
const HOW_TO_LISTEN = 'write HOST:PORT, like 127.0.0.1:9876';

const GROUPS = {
  engine: describeOptions(engineOptionsSchema),
  listen: describeOptions(listenOptionsSchema),
  command: describeOptions(commandOptionsSchema),
};
const HEADINGS = { engine: 'Broker:', listen: 'Listener:', command: 'Log:' } as const;
const all: readonly OptionInfo[] = Object.values(GROUPS).flat();
const bySetting = new Map(all.map((info) => [info.setting, info]));

/** What was set, by the setting's name; values as the options have them. */
type Settings = Record<string, unknown>;

/** What a broker is started with. What was not set is left out and takes its default. */
export interface BrokerSettings {
  engine: EngineOptions;
  listen: ListenOptions;
  command: CommandOptions;
  /** Where each option was set, by its name. */
  origins: Record<string, 'flag' | 'environment' | 'file'>;
}

/** Whether an option can be set by the variable of that name. */
export function isSettingVariable(name: string): boolean {
  return all.some(({ variable }) => variable === name);
}

/** Gives the command a flag for each option there is. */
export function addBrokerFlags(command: Command): void {
  for (const [group, infos] of Object.entries(GROUPS)) {
    command.optionsGroup(HEADINGS[group as keyof typeof HEADINGS]);
    for (const info of infos) {
      if (info.path[0] !== 'port') {
        command.addOption(info.setting === LISTEN ? listenOption('127.0.0.1:9876') : optionFlag(info));
      }
    }
  }
}

/** `--listen`, which sets the host and the port. */
export function listenOption(place: string): Option {
  const text = `address to listen on; port 0 takes a free one (default: ${place})`;
  return new Option('--listen <host:port>', text).argParser(listenFlag);
}

const PLACEHOLDER = {
  duration: 'duration',
  size: 'size',
  count: 'n',
  choice: 'one',
  list: 'one',
  text: 'text',
} as const;

/** The flag of one option, with its text, its default, and how its value is read. */
export function optionFlag(info: OptionInfo): Option {
  const [sentence = ''] = info.help.split('. ', 1);
  const value = defaultOf(info);
  const help = `${sentence[0]?.toLowerCase()}${sentence.slice(1).replace(/\.$/, '')}`;
  const isShown = value !== null && info.kind !== 'switch' && info.kind !== 'list';
  const text = `${help}${info.kind === 'list' ? '; repeatable' : ''}${isShown ? ` (default: ${value})` : ''}`;
  if (info.kind === 'switch') {
    return new Option(info.flag, text);
  }
  const placeholder = info.kind === 'choice' ? info.choices.join('|') : placeholderOf(info);
  return new Option(`${info.flag} <${placeholder}>`, text).argParser((given: string, before: unknown) => {
    const reading = readOptionText(info, given);
    if ('fault' in reading) {
      throw new InvalidArgumentError(reading.fault.replace(/^must/, 'it must'));
    }
    return info.kind === 'list'
      ? (reading.value as string[]).reduce<string[] | undefined>(
          (list, one) => collect(one, list),
          before as string[] | undefined,
        )
      : reading.value;
  });
}

/** What kinds of name stand for, by how the option's name ends. */
const NAMED: readonly (readonly [ending: RegExp, placeholder: string])[] = [
  [/File$/, 'file'],
  [/Dir$/, 'dir'],
  [/Origins$/, 'origin'],
  [/(Url|Servers|^master)$/, 'url'],
];

function placeholderOf(info: OptionInfo): string {
  const last = info.path.at(-1) as string;
  const named = NAMED.find(([ending]) => ending.test(last));
  return named?.[1] ?? PLACEHOLDER[info.kind as keyof typeof PLACEHOLDER];
}

/** Reads flags, variables and the config file. Ends the command with 2 for a wrong variable, throws BAD_CONFIG for a wrong file. */
export function readBrokerSettings(command: Command): BrokerSettings {
  const { config, ...flags } = command.opts<Settings & { config?: string }>();
  const file = config === undefined ? {} : readConfigFile(config);
  const variables = readVariables(command);
  const settings: Settings = { ...file, ...variables, ...flags };
  if ('tlsCert' in settings !== 'tlsKey' in settings) {
    command.error('error: --tls-cert and --tls-key go together');
  }
  return {
    engine: optionsFrom(GROUPS.engine, settings),
    listen: optionsFrom(GROUPS.listen, settings),
    command: commandOptionsSchema.parse(optionsFrom(GROUPS.command, settings)),
    origins: originsOf({ file, environment: variables, flag: flags }),
  };
}

function originsOf(sources: Record<'file' | 'environment' | 'flag', Settings>): BrokerSettings['origins'] {
  const origins: BrokerSettings['origins'] = {};
  for (const from of ['file', 'environment', 'flag'] as const) {
    for (const { setting, name } of all) {
      if (setting in sources[from]) {
        origins[name] = from;
      }
    }
  }
  return origins;
}

/** What the command can say of itself to the broker, or the name server, that it opens. */
export function hostSettings(
  { origins, command }: Pick<BrokerSettings, 'origins' | 'command'>,
  log: { level: string },
): HostSettings {
  return {
    origins,
    log: {
      infos: GROUPS.command,
      values: command,
      setLevel: (level) => {
        log.level = level;
      },
    },
  };
}

function readVariables(command: Command): Settings {
  const settings: Settings = {};
  for (const info of all) {
    const text = process.env[info.variable];
    if (text === undefined || text === '') {
      continue;
    }
    const reading = info.setting === LISTEN ? readPlace(text) : readOptionText(info, text);
    if ('fault' in reading) {
      command.error(`error: ${info.variable}: ${reading.fault}, not '${text}'`);
    }
    settings[info.setting] = reading.value;
  }
  return settings;
}

/** Variables that look like a setting and are none, each with the one that was probably meant. */
export function misspelledVariables(): { variable: string; meant: string }[] {
  const names = all.map((info) => info.variable);
  const ours = new Set([...names, 'RINGMQ_URL', 'RINGMQ_USER', 'RINGMQ_PASSWORD', 'RINGMQ_TOKEN']);
  return Object.keys(process.env).flatMap((variable) => {
    const meant = variable.startsWith('RINGMQ_') && !ours.has(variable) ? nearestTail(variable, names) : null;
    return meant === null ? [] : [{ variable, meant }];
  });
}

/** Only what is behind RINGMQ_ says how near two names are. */
function nearestTail(variable: string, names: readonly string[]): string | null {
  const tail = nearest(
    variable.slice(7),
    names.map((name) => name.slice(7)),
  );
  return tail === null ? null : `RINGMQ_${tail}`;
}

/** Reads a config file. Throws BAD_CONFIG that names the file and each setting that cannot be used. */
function readConfigFile(path: string): Settings {
  const value = parseJsonFile(path);
  const faults: string[] = [];
  const settings: Settings = {};
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new RingMQError('BAD_CONFIG', `${path} must hold one JSON object of settings`, {
      details: { path },
    });
  }
  for (const [name, json] of Object.entries(value)) {
    const info = bySetting.get(name);
    if (info === undefined) {
      const meant = nearest(name, [...bySetting.keys()]);
      faults.push(
        `there is no setting ${JSON.stringify(name)}${meant === null ? '' : `, did you mean ${JSON.stringify(meant)}?`}`,
      );
      continue;
    }
    const reading = name === LISTEN ? readPlace(json) : readOptionJson(info, json);
    if ('fault' in reading) {
      faults.push(`${name}: ${reading.fault}, not ${JSON.stringify(json)}`);
    } else {
      settings[name] = reading.value;
    }
  }
  if (faults.length > 0) {
    throw new RingMQError('BAD_CONFIG', `${path}: ${faults.join(', ')}`, { details: { path, faults } });
  }
  return settings;
}

/**
 * The file's text, which may come from a pipe; one without an end is no config. A byte order mark, as
 * Windows' editors write it, is left out.
 */
function readBounded(path: string, maxBytes: number): string {
  const bytes = Buffer.alloc(maxBytes + 1);
  const fd = openSync(path, 'r');
  try {
    let length = 0;
    for (let read = -1; read !== 0 && length <= maxBytes; length += read) {
      read = readSync(fd, bytes, length, bytes.length - length, null);
    }
    if (length > maxBytes) {
      throw new Error(`it has more than ${maxBytes} bytes`);
    }
    return new TextDecoder().decode(bytes.subarray(0, length));
  } finally {
    closeSync(fd);
  }
}

function parseJsonFile(path: string): unknown {
  let text: string;
  try {
    text = readBounded(path, MAX_CONFIG_BYTES);
  } catch (cause) {
    throw new RingMQError('BAD_CONFIG', `${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new RingMQError('BAD_CONFIG', `${path} is not JSON: ${(cause as Error).message}`, { cause });
  }
  const double = doubleKey(text);
  if (double !== null) {
    throw new RingMQError('BAD_CONFIG', `${path} has ${double} twice`);
  }
  return value;
}

function readPlace(written: unknown): { value: unknown } | { fault: string } {
  const value = typeof written === 'string' ? parseHostPort(written) : null;
  return value === null ? { fault: HOW_TO_LISTEN } : { value };
}

/** The options object of one schema; only what was set is in it. */
export function optionsFrom<T extends object>(infos: readonly OptionInfo[], settings: Settings): T {
  const options: Record<string, unknown> = {};
  for (const { path, setting } of infos) {
    if (!(setting in settings)) {
      continue;
    }
    const value = setting === LISTEN ? (settings[LISTEN] as Settings)[path[0] as string] : settings[setting];
    let inside = options;
    for (const part of path.slice(0, -1)) {
      inside[part] ??= {};
      inside = inside[part] as Record<string, unknown>;
    }
    inside[path.at(-1) as string] = value;
  }
  return options as T;
}

/** A message of the library, with flags for the options: those with a capital anywhere, others where they are quoted. */
export function inSettingsNames(message: string, infos: readonly OptionInfo[] = all): string {
  const flags = new Map(infos.map((info) => [info.name, info.flag]));
  return message
    .replaceAll(/`([A-Za-z.]+)`/g, (quoted, name: string) => flags.get(name) ?? quoted)
    .replaceAll(/(?<![-\w])[a-z.]+[A-Z][A-Za-z]*/g, (word) => flags.get(word) ?? word);
}
