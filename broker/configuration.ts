/** What a broker and its listeners were started with, and where each value comes from: told to administrators. */
import type { NameServerDoor } from '../engine/control/name-server-door.js';
import { describeOptions } from '../engine/option-info.js';
import { engineOptionsSchema } from '../engine/options.js';
import type { ConfiguredOption, LogLevel } from '../native-free/wire/index.js';
import { ConfiguredLog, configuredOption, type HostSettings } from './configured-option.js';
import { listenOptionsSchema } from './listen-options.js';

interface Listener {
  url: string;
  given: object;
  resolved: object;
}

export class Configuration {
  readonly #given: object;
  readonly #resolved: object;
  readonly #settings: HostSettings;
  readonly #log: ConfiguredLog;
  #listeners: Listener[] = [];
  /** How name servers are asked for theirs. */
  nameServers: NameServerDoor | null = null;

  constructor(given: object, resolved: object, settings: HostSettings) {
    this.#given = given;
    this.#resolved = resolved;
    this.#settings = settings;
    this.#log = new ConfiguredLog(settings, 'this broker');
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
    const settings = this.#settings;
    const engine = describeOptions(engineOptionsSchema).map((info) =>
      configuredOption(info, { scope: 'broker' }, this.#given, this.#resolved, settings),
    );
    const listen = describeOptions(listenOptionsSchema);
    const listeners = this.#listeners.flatMap(({ url, given, resolved }) =>
      listen.map((info) =>
        configuredOption(info, { scope: 'listener', listener: url }, given, resolved, settings),
      ),
    );
    return [...engine, ...listeners, ...this.#log.list()];
  }

  /** @throws RingMQError NOT_SUPPORTED where the program around the broker has not said how */
  setLogLevel(level: LogLevel): void {
    this.#log.setLevel(level);
  }
}
