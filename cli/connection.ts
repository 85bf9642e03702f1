import { type Client, type ClientOptions, connect } from '../native-free/client/index.js';
import { isRingMQError } from '../native-free/wire/index.js';
import { credentials } from './credentials.js';
import { tlsTo } from './link-trust.js';

/** Who is not there says so at once, and may be about to come: a person waits for the answer. */
const CONNECT_MS = 3_000;
/** Who says nothing may be there all the same, on a machine that does much else. */
const SILENT_MS = 10_000;

/** A connection for one command. It gives up soon, unless nobody has said anything. */
export async function openClient(
  url: string,
  options: Pick<ClientOptions, 'connectTimeoutMs' | 'onConnection'> = {},
): Promise<Client> {
  const who = credentials();
  const tls = url
    .split(',')
    .map((each) => tlsTo(each.trim()))
    .find((each) => each !== undefined);
  const within = (connectTimeoutMs: number): Promise<Client> =>
    connect(url, {
      connectTimeoutMs,
      ...(who === undefined ? {} : { credentials: who }),
      ...(tls === undefined ? {} : { tls }),
      ...options,
    });
  try {
    return await within(CONNECT_MS);
  } catch (error) {
    if (options.connectTimeoutMs !== undefined || !isSilence(error)) {
      throw error;
    }
    return within(SILENT_MS);
  }
}

function isSilence(error: unknown): boolean {
  const cause = isRingMQError(error) && error.code === 'CONNECT_FAILED' ? error.cause : null;
  return isRingMQError(cause) && cause.code === 'TIMEOUT';
}

/** For commands that run on: says on stderr when the broker, or a broker set of the cluster, is away, and when it is back. */
export function connectionNotices(url: string): NonNullable<ClientOptions['onConnection']> {
  const away = new Set<string>();
  return (state, reason) => {
    const set = brokerSetOf(reason);
    const who = set === null ? `the broker at ${url}` : `the broker set ${set}`;
    if (state === 'disconnected') {
      away.add(who);
      const why = isRingMQError(reason) ? ` (${reason.code}: ${reason.message})` : '';
      notice(`${who} is away${why}; trying again until it is back`);
    } else if (away.delete(who)) {
      notice(`${who} is back`);
    }
  };
}

/** The broker set that a change of the connection is about; null: there is one broker. */
function brokerSetOf(reason: unknown): string | null {
  const about = isRingMQError(reason) ? reason.details : reason;
  const set = typeof about === 'object' && about !== null && 'brokerSet' in about ? about.brokerSet : null;
  return typeof set === 'string' ? set : null;
}

/** A line on stderr about what goes on, beside results and failures. */
export function notice(text: string): void {
  process.stderr.write(`ringmq: ${text.replaceAll(/\s*\n\s*/g, ' ')}\n`);
}

/** Opens a connection, does the work, closes it whatever happened. */
export async function withClient<T>(
  url: string,
  work: (client: Client) => Promise<T>,
  options: Pick<ClientOptions, 'onConnection'> = {},
): Promise<T> {
  const client = await openClient(url, options);
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}
