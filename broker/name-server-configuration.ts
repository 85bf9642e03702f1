/** What a name server was started with: told to the brokers that have registered with it, for who asks them. */
import { describeOptions } from '../engine/option-info.js';
import type { ConfiguredOption, LogLevel } from '../native-free/wire/index.js';
import { ConfiguredLog, configuredOption, type HostSettings } from './configured-option.js';
import { nameServerOptionsSchema } from './name-server-options.js';

export class OwnNameServerConfiguration {
  readonly #given: object;
  readonly #resolved: object;
  readonly #settings: HostSettings;
  readonly #log: ConfiguredLog;

  constructor(given: object, resolved: object, settings: HostSettings) {
    this.#given = given;
    this.#resolved = resolved;
    this.#settings = settings;
    this.#log = new ConfiguredLog(settings, 'this name server');
  }

  list(): ConfiguredOption[] {
    const own = describeOptions(nameServerOptionsSchema).map((info) =>
      configuredOption(info, { scope: 'nameServer' }, this.#given, this.#resolved, this.#settings),
    );
    return [...own, ...this.#log.list()];
  }

  setLogLevel(level: LogLevel): void {
    this.#log.setLevel(level);
  }
}
