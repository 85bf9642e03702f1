/** What this machine has: itself, a data directory, a config file, logs. */
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import {
  arch,
  availableParallelism,
  freemem,
  hostname,
  loadavg,
  platform,
  release,
  totalmem,
  uptime,
} from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { verifyData } from '../../engine/data/verify-data.js';
import { lockOwner } from '../../engine/disk/index.js';
import { BATCH, BATCH_HEADER_BYTES } from '../../native-free/wire/index.js';
import { isSettingVariable } from '../broker-settings.js';
import { diskChecks } from '../doctor/disk-checks.js';
import { descriptors, memory, runtime } from '../doctor/machine-checks.js';
import { type BundleEntry, MAX_LISTED, type Missing, reasonOf } from './entry.js';
import type { Scrubber } from './scrub.js';

/** Those of the command itself, beside the options of brokers and name servers. Secrets among them are removed by their names. */
const COMMAND_VARIABLES = new Set(
  ['URL', 'CONTEXT', 'USER', 'PASSWORD', 'TOKEN', 'CA', 'CERT', 'KEY', 'SERVERNAME'].map(
    (name) => `RINGMQ_${name}`,
  ),
);

const MAX_LOG_BYTES = 2 ** 20;
const MAX_FILES = 10_000;

export interface LocalPlaces {
  data?: string;
  config?: string;
  logs: readonly string[];
  version: string;
}

export async function localEntries(
  { data, config, logs, version }: LocalPlaces,
  scrubber: Scrubber,
): Promise<{ entries: BundleEntry[]; missing: Missing[] }> {
  const entries: BundleEntry[] = [];
  const missing: Missing[] = [];
  const take = async (name: string, holds: string, read: () => unknown): Promise<void> => {
    try {
      entries.push({ name, holds, content: { json: await read() } });
    } catch (error) {
      missing.push({ what: holds, why: reasonOf(error) });
    }
  };
  scrubber.addName('host', hostname());
  await take('machine.json', 'versions, limits, memory of this machine', () => machine(version));
  await take('environment.json', 'variables of RingMQ and Node, secrets removed', environment);
  if (config !== undefined) {
    await take('config-file.json', 'the config file, secrets removed', () => configFile(config, scrubber));
  }
  if (data !== undefined) {
    scrubber.addName('path', resolve(data));
    await take('data-files.json', 'names, sizes and times of the data directory', () => filesOf(data));
    await take('log-headers.json', `the first batch's header of the last ${MAX_LISTED} log files`, () =>
      logHeaders(join(data, 'log')),
    );
    await take('log-verify.json', 'what `log verify` finds; only of a stopped broker', async () => {
      const owner = await lockOwner(data);
      if (owner !== undefined) {
        throw new Error(`process ${owner} is at work in ${data}`);
      }
      return verifyData(data);
    });
    await take('doctor.json', 'whether this machine is fit for a broker', async () => [
      runtime(),
      memory(),
      descriptors(),
      ...(await diskChecks(data)),
    ]);
  }
  for (const [i, path] of logs.entries()) {
    try {
      scrubber.addName('path', path);
      scrubber.addName('path', resolve(path));
      const log = endOf(path);
      const name = `logs/${i + 1}${scrubber.isAnonymous ? '' : `-${labelOf(path)}`}`;
      entries.push({ name, holds: 'the end of a log, up to 1 MiB', content: { log } });
    } catch (error) {
      missing.push({ what: `the log ${path}`, why: reasonOf(error) });
    }
  }
  return { entries, missing };
}

/** Nodes of a cluster's folder are told apart by theirs. */
function labelOf(path: string): string {
  const name = basename(path) === 'log' ? `${basename(dirname(resolve(path)))}.log` : basename(path);
  return name.replaceAll(/[^\w.-]/g, '_').slice(0, 60);
}

function machine(version: string): object {
  return {
    time: new Date().toISOString(),
    ringmq: version,
    node: process.version,
    versions: process.versions,
    platform: platform(),
    arch: arch(),
    kernel: release(),
    hostname: hostname(),
    cores: availableParallelism(),
    load: loadavg(),
    memoryBytes: totalmem(),
    freeBytes: freemem(),
    uptimeSeconds: uptime(),
    limits: readText('/proc/self/limits'),
    cgroupMemoryMax: readText('/sys/fs/cgroup/memory.max'),
    clockSource: readText('/sys/devices/system/clocksource/clocksource0/current_clocksource'),
  };
}

/** null where the system has no such file. */
function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return null;
  }
}

/** What a variable that nobody knows holds may be anything: a password under a name that was misspelt. */
function environment(): object {
  return Object.fromEntries(
    Object.entries(process.env)
      .filter(([name]) => /^(RINGMQ_|NODE_OPTIONS$|UV_)/.test(name))
      .map(([name, value]) => [name, isKnown(name) ? value : '[removed: no variable of this version]']),
  );
}

function isKnown(name: string): boolean {
  return !name.startsWith('RINGMQ_') || COMMAND_VARIABLES.has(name) || isSettingVariable(name);
}

/** Files that a setting names have secrets in them: their content is looked for in all that is told. */
function configFile(path: string, scrubber: Scrubber): unknown {
  const config = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  for (const [name, value] of Object.entries(config)) {
    if (/(secret|password)/i.test(name) && typeof value === 'string' && existsSync(value)) {
      scrubber.addSecret(readFileSync(value, 'utf8'));
    }
  }
  return config;
}

function filesOf(directory: string): object {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort();
  const files = names.slice(0, MAX_FILES).map((name) => {
    try {
      const { size, mtime, blocks } = statSync(join(directory, name));
      return { name, bytes: size, diskBytes: blocks * 512, changed: mtime.toISOString() };
    } catch (error) {
      return { name, error: reasonOf(error) };
    }
  });
  return { count: names.length, files };
}

/** Headers alone: nothing of a message is read. */
function logHeaders(directory: string): object[] {
  const names = readdirSync(directory)
    .filter((name) => name.endsWith('.seg'))
    .sort();
  return names.slice(-MAX_LISTED).map((name) => {
    const header = Buffer.alloc(BATCH_HEADER_BYTES);
    const file = openSync(join(directory, name), 'r');
    try {
      const length = readSync(file, header, 0, header.length, 0);
      return length < header.length ? { name, bytes: length } : { name, ...fieldsOf(header) };
    } finally {
      closeSync(file);
    }
  });
}

function fieldsOf(header: Buffer): object {
  const long = (at: number): number => Number(header.readBigUInt64LE(at));
  const int = (at: number): number => header.readUInt32LE(at);
  return {
    length: int(BATCH.length),
    version: header[BATCH.version],
    type: header[BATCH.type],
    attributes: header.readUInt16LE(BATCH.attributes),
    bodyCrc: int(BATCH.bodyCrc),
    headerCrc: int(BATCH.headerCrc),
    position: long(BATCH.position),
    flushed: long(BATCH.flushed),
    epoch: int(BATCH.epoch),
    recordCount: int(BATCH.recordCount),
    baseOffset: long(BATCH.baseOffset),
    storeTime: long(BATCH.storeTime),
    topicId: int(BATCH.topicId),
    queueId: int(BATCH.queueId),
  };
}

/** Whole lines of its last mebibyte. */
function endOf(path: string): string {
  const file = openSync(path, 'r');
  try {
    const { size } = statSync(path);
    const from = Math.max(0, size - MAX_LOG_BYTES);
    const bytes = Buffer.alloc(Math.min(size, MAX_LOG_BYTES));
    const length = readSync(file, bytes, 0, bytes.length, from);
    const text = bytes.toString('utf8', 0, length);
    return from === 0 ? text : text.slice(text.indexOf('\n') + 1);
  } finally {
    closeSync(file);
  }
}
