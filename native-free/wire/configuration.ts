/** What a broker was started with, option by option. */

/** Where a value comes from. `call`: the program that opened the broker gave it, or it was changed since. */
export type OptionOrigin = 'flag' | 'environment' | 'file' | 'call' | 'default';

export interface ConfiguredOption {
  /** As in docs/options.md: `flush`, `tls.certFile`. */
  name: string;
  /** `listener`: of the one that `listener` names; `log`: how the broker's host, or the name server's, says what it does. */
  scope: 'broker' | 'listener' | 'nameServer' | 'log';
  /** The listener's address. */
  listener?: string;
  /** null: none. What is secret is not told; the path of a file that has it is. */
  value: string | number | boolean | string[] | null;
  from: OptionOrigin;
  /** In words where it is computed; null: none. */
  default: string | number | boolean | string[] | null;
  unit?: 'ms' | 's' | 'bytes';
  description: string;
}

export interface BrokerConfiguration {
  brokerName: string;
  options: ConfiguredOption[];
}

/** What a name server was started with, as a broker was told that has registered with it. */
export interface NameServerConfiguration {
  /** As the broker was given it. */
  nameServer: string;
  /** Why nothing is known of it now; null: its options are. */
  failure: string | null;
  options: ConfiguredOption[];
}

/** What a log tells; each has those behind it. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
