import { type Client, connect } from '../client/index.js';

/** A connection for one command. It gives up soon: a person waits for the answer. */
export async function openClient(url: string): Promise<Client> {
  return connect(url, { signal: AbortSignal.timeout(10_000) });
}

/** Opens a connection, does the work, closes it whatever happened. */
export async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = await openClient(url);
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}
