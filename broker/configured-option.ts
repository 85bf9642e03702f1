/** One option as an administrator is told of it: its value, and where that is from. */
import type { OptionInfo } from '../engine/option-info.js';
import { type ConfiguredOption, type LogLevel, RingMQError } from '../native-free/wire/index.js';

/** What only the program around a broker or a name server knows. */
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

export function configuredOption(
  info: OptionInfo,
  where: Pick<ConfiguredOption, 'scope' | 'listener'>,
  given: object,
  resolved: object,
  { origins }: HostSettings,
): ConfiguredOption {
  const value = at(resolved, info.path);
  const unit = unitOf(info);
  const standard = info.defaultText ?? info.defaultValue;
  return {
    name: info.name,
    ...where,
    value: SECRET.test(info.name) && value !== undefined ? '(not told)' : told(value),
    from: origins?.[info.name] ?? (at(given, info.path) === undefined ? 'default' : 'call'),
    default: told(standard),
    ...(unit === null ? {} : { unit }),
    description: info.help,
  };
}

/** The log of the program around it, and the level that was set while it ran. */
export class ConfiguredLog {
  readonly #settings: HostSettings;
  readonly #ofWhat: string;
  #level: LogLevel | null = null;

  /** `ofWhat`: for a sentence, like `this broker`. */
  constructor(settings: HostSettings, ofWhat: string) {
    this.#settings = settings;
    this.#ofWhat = ofWhat;
  }

  list(): ConfiguredOption[] {
    const { log } = this.#settings;
    return (log?.infos ?? []).map((info) => {
      const row = configuredOption(info, { scope: 'log' }, {}, log?.values ?? {}, this.#settings);
      return info.name === 'logLevel' && this.#level !== null
        ? { ...row, value: this.#level, from: 'call' }
        : row;
    });
  }

  /** @throws RingMQError NOT_SUPPORTED where the program around it has not said how */
  setLevel(level: LogLevel): void {
    const { log } = this.#settings;
    if (log === undefined) {
      throw new RingMQError(
        'NOT_SUPPORTED',
        `the log is kept by the program that has opened ${this.#ofWhat}; set its level there`,
      );
    }
    log.setLevel(level);
    this.#level = level;
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
