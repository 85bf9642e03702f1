/** Whom the command trusts at `wss://` addresses, and which certificate it shows: `--ca`, `--cert`, `--key` and `--servername`, or their variables. */

import type { Command } from 'commander';
import type { TlsOptions } from '../native-free/client/index.js';
import { MAX_PEM_BYTES, readSmallFile } from '../native-free/files/small-file.js';
import { RingMQError } from '../native-free/wire/errors.js';

export interface TrustFlags {
  ca?: string;
  cert?: string;
  clientKey?: string;
  servername?: string;
}

let chosen: TlsOptions | undefined;

/** For an address; undefined: there is no TLS, or Node's own trust is meant. */
export function tlsTo(url: string): TlsOptions | undefined {
  return /^wss:/i.test(url) ? chosen : undefined;
}

/** Reads the files, before the command runs. @throws RingMQError BAD_ARGUMENT */
export function chooseTrust(program: Command): void {
  const { ca, cert, clientKey, servername } = program.opts<TrustFlags>();
  if ((cert === undefined) !== (clientKey === undefined)) {
    throw new RingMQError(
      'BAD_ARGUMENT',
      '--cert and --key go together: a certificate, and the key that it is of',
    );
  }
  const tls: TlsOptions = {
    ...(ca === undefined ? {} : { ca: read('--ca', ca) }),
    ...(cert === undefined ? {} : { cert: read('--cert', cert) }),
    ...(clientKey === undefined ? {} : { key: read('--key', clientKey) }),
    ...(servername === undefined ? {} : { servername }),
  };
  chosen = Object.keys(tls).length === 0 ? undefined : tls;
}

function read(flag: string, path: string): Buffer {
  try {
    return readSmallFile(path, MAX_PEM_BYTES);
  } catch (cause) {
    throw new RingMQError('BAD_ARGUMENT', `${flag}: ${path} cannot be read: ${(cause as Error).message}`, {
      cause,
    });
  }
}

const KEY = '--key';

/** `--key` before the command is that of the certificate; behind it, a command's own, like a message's. Flags of the whole command are taken wherever they stand, so the first has a name of its own, too. */
export function clientKey(args: readonly string[], commands: ReadonlySet<string>): string[] {
  const at = args.findIndex((arg, i) => i >= 2 && commands.has(arg));
  return args.map((arg, i) =>
    (at < 0 || i < at) && (arg === KEY || arg.startsWith(`${KEY}=`))
      ? `--client-key${arg.slice(KEY.length)}`
      : arg,
  );
}

export function commandsOf({ commands }: Command): ReadonlySet<string> {
  return new Set(commands.map((command) => command.name()));
}
