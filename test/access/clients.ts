/** Clients of tests of users and rights, and how calls of theirs end. */
import { afterEach } from 'vitest';
import { type Client, connect } from '../../broker/index.js';
import type { ConnectOptions } from '../../native-free/client/index.js';

/** For `expect.poll`: what is waited for comes in milliseconds, but for a machine that has other work. */
export const PATIENT = { timeout: 60_000 };

const opened: Client[] = [];

afterEach(async () => {
  await Promise.allSettled(opened.splice(0).map((client) => client.close()));
});

/** Is closed after the test. */
export async function connectTo(url: string, options: ConnectOptions = {}): Promise<Client> {
  const client = await connect(url, { connectTimeoutMs: 60_000, closeTimeoutMs: 100, ...options });
  opened.push(client);
  return client;
}

/** The code of its error, or `done`. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'done';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

/** The same with what is said. */
export async function errorOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'done';
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return `${code}: ${message}`;
  }
}
