import { type Client, type ClientOptions, connect } from '../native-free/client/index.js';
import { isRingMQError } from '../native-free/wire/index.js';

/** A connection for one command. It gives up soon: a person waits for the answer. */
export async function openClient(
  url: string,
  options: Pick<ClientOptions, 'connectTimeoutMs' | 'onConnection'> = {},
): Promise<Client> {
  return connect(url, { connectTimeoutMs: 3_000, ...options });
}

/** For commands that run on: says on stderr when the broker is away, and when it is back. */
export function connectionNotices(url: string): NonNullable<ClientOptions['onConnection']> {
  let isAway = false;
  return (state, reason) => {
    if (state === 'disconnected') {
      isAway = true;
      const why = isRingMQError(reason) ? ` (${reason.code}: ${reason.message})` : '';
      notice(`the broker at ${url} is away${why}; trying again until it is back`);
    } else if (isAway) {
      isAway = false;
      notice(`the broker at ${url} is back`);
    }
  };
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
