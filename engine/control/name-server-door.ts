import type { LogLevel, NameServerConfiguration } from '../../native-free/wire/index.js';

/** The name servers that this broker registers with, asked over the connections that there are. */
export interface NameServerDoor {
  configurations(): Promise<NameServerConfiguration[]>;
  /** Rejects with BAD_ARGUMENT where there is none of that address. */
  setLogLevel(nameServer: string, level: LogLevel): Promise<void>;
}
