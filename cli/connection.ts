import { type Client, connect } from '../native-free/client/index.js';

/** A connection for one command. It gives up soon: a person waits for the answer. */
export async function openClient(url: string, timeoutMs = 10_000): Promise<Client> {
  return connect(url, { connectTimeoutMs: timeoutMs });
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
