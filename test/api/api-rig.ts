/** A broker with its API, and a hand to ask it with. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, onTestFinished } from 'vitest';
import { type Broker, type BrokerListener, type OpenBrokerOptions, openBroker } from '../../broker/index.js';
import type { ListenOptions } from '../../broker/listen-options.js';
import type { RingMQError } from '../../native-free/wire/index.js';

export const SMALL = {
  flush: 'async',
  ringBytes: 16 * 1024 * 1024,
  memoryRingBytes: 32 * 1024 * 1024,
  segmentBytes: 16 * 1024 * 1024,
} as const;

/** For `expect.poll`: what is waited for comes in milliseconds, but for a machine that has other work. */
export const PATIENT = { timeout: 60_000 };

export const ADMIN_PASSWORD = 'first-password';

export interface Asked {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Of a JSON answer. */
  readonly json: Record<string, unknown>;
}

export interface Asking {
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** As who, by its password. */
  as?: [user: string, password: string];
}

export interface ApiRig {
  readonly broker: Broker;
  readonly listener: BrokerListener;
  /** `http://127.0.0.1:PORT/api/v1` */
  readonly base: string;
  ask(method: string, path: string, asking?: Asking): Promise<Asked>;
}

/** Of this test's own, until it ends. */
export async function openApi(
  options: ListenOptions = {},
  brokerOptions: Partial<OpenBrokerOptions> = {},
): Promise<ApiRig> {
  const rig = await openApiUntil(options, brokerOptions);
  onTestFinished(rig.close);
  return rig;
}

/** The brokers that tests of this file have in common, by their options. */
const shared = new Map<string, Awaited<ReturnType<typeof openApiUntil>>>();

afterAll(async () => {
  await Promise.all([...shared.values()].map((rig) => rig.close()));
});

/** One that earlier tests of the file have had, without the topics and groups that they made. */
export async function sharedApi(options: ListenOptions = {}): Promise<ApiRig> {
  const key = JSON.stringify(options);
  const rig = shared.get(key) ?? (await openApiUntil(options));
  shared.set(key, rig);
  const admin = rig.broker.client().admin();
  for (const { topic } of await admin.listTopics()) {
    await admin.deleteTopic(topic);
  }
  for (const { group } of await admin.listGroups()) {
    // One with a session that somebody left may not be deleted; its topic is gone.
    await admin.deleteGroup(group).catch((error: RingMQError) => expect(error.code).toBe('GROUP_BUSY'));
  }
  return rig;
}

/** Until it is closed. */
export async function openApiUntil(
  options: ListenOptions = {},
  brokerOptions: Partial<OpenBrokerOptions> = {},
): Promise<ApiRig & { close(): Promise<void> }> {
  const dir = mkdtempSync(join(tmpdir(), 'ringmq-api-'));
  const adminPasswordFile = join(dir, 'password');
  writeFileSync(adminPasswordFile, ADMIN_PASSWORD);
  const broker = await openBroker({ dataDir: join(dir, 'data'), ...SMALL, ...brokerOptions });
  const close = async (): Promise<void> => {
    await broker.close();
    rmSync(dir, { recursive: true, force: true });
  };
  const auth = options.auth === true ? { adminPasswordFile } : {};
  const listener = await broker.listen({ port: 0, threads: 2, ...auth, ...options }).catch(async (error) => {
    await close();
    throw error;
  });
  const base = `http://127.0.0.1:${listener.port}/api/v1`;
  return {
    broker,
    listener,
    close,
    base,
    ask: async (method, path, { body, headers = {}, signal, as } = {}) => {
      const isJson = body !== undefined && typeof body !== 'string' && !(body instanceof Uint8Array);
      const answer = await fetch(base + path, {
        method,
        headers: {
          ...(isJson ? { 'Content-Type': 'application/json' } : {}),
          ...(as === undefined ? {} : { Authorization: basic(...as) }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: isJson ? JSON.stringify(body) : (body as string) }),
        ...(signal === undefined ? {} : { signal }),
      });
      const text = await answer.text();
      let json: Record<string, unknown> = {};
      try {
        json = JSON.parse(text) as Record<string, unknown>;
      } catch {
        // Not JSON.
      }
      return { status: answer.status, headers: answer.headers, text, json };
    },
  };
}

export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}
