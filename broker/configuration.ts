/** What a broker and its listeners were started with, and where each value comes from: told to administrators. */
import { describeOptions, type OptionInfo } from '../engine/option-info.js';
import { engineOptionsSchema } from '../engine/options.js';
import { type ConfiguredOption, type LogLevel, RingMQError } from '../native-free/wire/index.js';
import { listenOptionsSchema } from './listen-options.js';

/** What only the program around a broker knows. */
export interface HostSettings {
  /** Where options were set, by their names; those that are not named were given by the call. */
  readonly origins?: Readonly<Record<string, 'flag' | 'environment' | 'file'>>;
  /** How the program keeps its log. */
  readonly log?: {
    readonly infos: readonly OptionInfo[];
    readonly values: Readonly<Record<string, unknown>>;
    setLevel(level: LogLevel): void;
  };
}

type Value = ConfiguredOption['value'];

/** Names of what nobody is told; a file that has it is named. */
const SECRET = /(secret|password|token|key|credentials)$/i;

interface Listener {
  url: string;
  given: object;
  resolved: object;
}

export class Configuration {
  readonly #given: object;
  readonly #resolved: object;
  readonly #settings: HostSettings;
  #listeners: Listener[] = [];
  #logLevel: LogLevel | null = null;

  constructor(given: object, resolved: object, settings: HostSettings) {
    this.#given = given;
    this.#resolved = resolved;
    this.#settings = settings;
  }

  /** A listener serves at `url`; the returned function says that it does no more. */
  listens(url: string, given: object, resolved: object): () => void {
    const listener = { url, given, resolved };
    this.#listeners.push(listener);
    return () => {
      this.#listeners = this.#listeners.filter((each) => each !== listener);
    };
  }

  list(): ConfiguredOption[] {
    const engine = describeOptions(engineOptionsSchema).map((info) =>
      this.#row(info, { scope: 'broker' }, this.#given, this.#resolved),
    );
    const listen = describeOptions(listenOptionsSchema);
    const listeners = this.#listeners.flatMap(({ url, given, resolved }) =>
      listen.map((info) => this.#row(info, { scope: 'listener', listener: url }, given, resolved)),
    );
    return [...engine, ...listeners, ...this.#log()];
  }

  /** @throws RingMQError NOT_SUPPORTED where the program around the broker has not said how */
  setLogLevel(level: LogLevel): void {
    const { log } = this.#settings;
    if (log === undefined) {
      throw new RingMQError(
        'NOT_SUPPORTED',
        'the log is kept by the program that has opened this broker; set its level there',
      );
    }
    log.setLevel(level);
    this.#logLevel = level;
  }

  #log(): ConfiguredOption[] {
    const { log } = this.#settings;
    return (log?.infos ?? []).map((info) => {
      const row = this.#row(info, { scope: 'log' }, {}, log?.values ?? {});
      return info.name === 'logLevel' && this.#logLevel !== null
        ? { ...row, value: this.#logLevel, from: 'call' }
        : row;
    });
  }

  #row(
    info: OptionInfo,
    where: Pick<ConfiguredOption, 'scope' | 'listener'>,
    given: object,
    resolved: object,
  ): ConfiguredOption {
    const value = at(resolved, info.path);
    const origin = this.#settings.origins?.[info.name];
    const unit = unitOf(info);
    const standard = info.defaultText ?? info.defaultValue;
    return {
      name: info.name,
      ...where,
      value: SECRET.test(info.name) && value !== undefined ? '(not told)' : told(value),
      from: origin ?? (at(given, info.path) === undefined ? 'default' : 'call'),
      default: told(standard),
      ...(unit === null ? {} : { unit }),
      description: info.help,
    };
  }
}

function at(options: object, path: readonly string[]): unknown {
  let value: unknown = options;
  for (const part of path) {
    value =
      typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[part] : undefined;
  }
  return value;
}

/** As text where it is no plain value; a password within an address is left out. */
function told(value: unknown): Value {
  if (value === undefined || value === null) {
    return null;
  }
  if (typeof value === 'number' || typeof value === 'boolean') {
    return value;
  }
  if (Array.isArray(value)) {
    return value.map((item) => withoutPassword(String(item)));
  }
  return withoutPassword(typeof value === 'object' ? JSON.stringify(value) : String(value));
}

function withoutPassword(text: string): string {
  return text.replace(/\/\/[^/@\s]*@/g, '//…@');
}

function unitOf({ name, kind }: OptionInfo): 'ms' | 's' | 'bytes' | null {
  if (kind === 'duration') {
    return name.endsWith('Seconds') ? 's' : 'ms';
  }
  return kind === 'size' ? 'bytes' : null;
}
