/** What an engine tells, and asks of, whoever opened it. */
import type { ConfiguredOption, LogLevel, RingMQError } from '../native-free/wire/index.js';
import type { NameServerDoor } from './control/name-server-door.js';

/** What an engine says unasked. */
export interface EngineEvents {
  /** Another broker has become master of this one's set. `masterUrl`: where it is, if that is known. */
  onFenced?(masterUrl: string | null): void;
  /** The directory is to be opened again, which makes the queue index anew, or reads on from its last checkpoint. */
  onStale?(): void;
  /** Whether that may be done to a master, too. */
  mayOpenAgain?(): boolean;
  /** What it was started with, and its listeners. */
  configuration?(): ConfiguredOption[];
  setLogLevel?: (level: LogLevel) => void;
  nameServers?: () => NameServerDoor | null;
  onWarning(message: string, details: Record<string, unknown>): void;
  onFatal(error: RingMQError): void;
}
