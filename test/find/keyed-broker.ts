/** A broker whose key index does its work when a test says so. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { embeddedClient } from '../../broker/embedded-client.js';
import { Engine } from '../../engine/engine.js';
import type { EngineOptions } from '../../engine/options.js';
import type { Client, FoundMessage, FoundPage, MessageSearch } from '../../native-free/client/index.js';
import { SessionHost } from '../../transport/session-host.js';
import { SMALL } from '../faults/small-broker.js';

export interface KeyedBroker {
  readonly engine: Engine;
  readonly client: Client;
  readonly warnings: string[];
  /** The index has all that is committed. */
  indexed(): Promise<void>;
  close(): Promise<void>;
}

export async function openKeyed(dataDir: string, options: EngineOptions = {}): Promise<KeyedBroker> {
  const warnings: string[] = [];
  const engine = await Engine.open(
    { ...SMALL, dataDir, ...options },
    {
      // How long a turn took is of the machine.
      onWarning: (message) => void (message.includes(' held its thread for ') || warnings.push(message)),
      onFatal: () => {},
    },
  );
  const host = new SessionHost(engine.thread, { listener: 'embedded', onDefect: () => {} });
  const client = embeddedClient(host, () => host.close());
  return {
    engine,
    client,
    warnings,
    indexed: async () => engine.find.keys?.whole(),
    close: async () => {
      await client.close();
      await engine.close();
    },
  };
}

export function makeDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'ringmq-keys-'));
}

export function removeDirectory(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
}

export function indexFiles(dataDir: string): string[] {
  return readdirSync(`${dataDir}/index`).sort();
}

/** All pages of a search: one also ends when its time is over. */
export async function findAll(client: Client, search: MessageSearch): Promise<FoundPage[]> {
  const pages: FoundPage[] = [];
  let cursor = search.cursor ?? null;
  do {
    const page = await client.admin().findMessages({ ...search, cursor });
    pages.push(page);
    cursor = page.cursor;
  } while (cursor !== null);
  return pages;
}

export const textOf = (message: FoundMessage): string =>
  new TextDecoder().decode(message.body ?? undefined).trimEnd();

/** Bodies of all that is found. */
export async function textsOf(client: Client, search: MessageSearch): Promise<string[]> {
  return (await findAll(client, search)).flatMap(({ messages }) => messages.map(textOf));
}
