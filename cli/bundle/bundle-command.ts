/** `ringmq bundle`: what somebody needs who is to help, in one archive. */
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Command } from 'commander';
import { RingMQError } from '../../native-free/wire/index.js';
import { ClusterFolder } from '../cluster/cluster-folder.js';
import { statusOfFolder } from '../cluster/cluster-status.js';
import { credentials } from '../credentials.js';
import { counted, printJson, sharedOptions, tableText } from '../output.js';
import { brokerEntries } from './broker-entries.js';
import { type BundleEntry, type Missing, reasonOf } from './entry.js';
import { localEntries } from './local-entries.js';
import { Scrubber } from './scrub.js';
import { tarOf } from './tar.js';

export interface BundleFlags {
  out?: string;
  data?: string;
  config?: string;
  log?: string[];
  dir?: string;
  anonymous?: boolean;
}

/** Prints what is in the archive, and what could not be had. Never overwrites a file. */
export async function runBundle(command: Command, version: string, flags: BundleFlags): Promise<void> {
  const { output } = sharedOptions(command);
  const now = new Date();
  const stamp = now.toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const path = resolve(flags.out ?? `ringmq-bundle-${stamp}.tar.gz`);
  const scrubber = new Scrubber(flags.anonymous === true);
  addSecrets(scrubber);
  const folder = flags.dir === undefined ? null : clusterIn(flags.dir, scrubber);
  const parts = [
    await brokerEntries(await placeOf(command, folder?.folder ?? null), scrubber),
    await localEntries(
      {
        ...(flags.data === undefined ? {} : { data: flags.data }),
        ...(flags.config === undefined ? {} : { config: flags.config }),
        logs: [...(flags.log ?? []), ...(folder?.logs ?? [])],
        version,
      },
      scrubber,
    ),
    ...(folder === null ? [] : [await folderEntries(folder.folder)]),
  ];
  const missing = parts.flatMap((part) => part.missing);
  const entries = parts.flatMap((part) => part.entries);
  // Logs first: they may name what no list has any more, and what they name is hidden everywhere.
  const files = [
    ...entries.filter(({ content }) => 'log' in content),
    ...entries.filter(({ content }) => 'json' in content),
  ].map((entry) => ({ name: entry.name, holds: entry.holds, bytes: bytesOf(entry, scrubber) }));
  files.sort((a, b) => (a.name < b.name ? -1 : 1));
  const listed = files.map(({ name, bytes, holds }) => ({ name, bytes: bytes.length, holds }));
  const cleanMissing = scrubber.value(missing) as Missing[];
  const contents = Buffer.from(jsonText({ files: listed, missing: cleanMissing }));
  const archive = gzipSync(tarOf([{ name: 'contents.json', bytes: contents }, ...files], now));
  write(path, archive);
  if (output === 'json') {
    return printJson({ file: path, bytes: archive.length, files: listed, missing: cleanMissing });
  }
  process.stdout.write(
    tableText(
      ['FILE', 'BYTES', 'HOLDS'],
      listed.map(({ name, bytes, holds }) => [name, bytes, holds]),
    ),
  );
  for (const { what, why } of cleanMissing) {
    process.stdout.write(`left out: ${what}: ${why}\n`);
  }
  const names = flags.anonymous === true ? 'names are hashes' : 'names are in it: --anonymous hides them';
  process.stdout.write(
    `${path}: ${counted(archive.length, 'byte', 'bytes')}; no message, no password, no key; ${names}\n`,
  );
}

/** A cluster's folder says where its name servers are, unless another place is named. */
async function placeOf(command: Command, folder: ClusterFolder | null): Promise<string> {
  const { url } = sharedOptions(command);
  if (folder === null || command.getOptionValueSourceWithGlobals('url') !== 'default') {
    return url;
  }
  const { nameServers } = await statusOfFolder(folder, folder.mustRead());
  return nameServers.flatMap((server) => server.url ?? []).join(',') || url;
}

/** Only its owner may read it. */
function write(path: string, archive: Buffer): void {
  try {
    writeFileSync(path, archive, { flag: 'wx', mode: 0o600 });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw cause;
    }
    throw new RingMQError('BAD_ARGUMENT', `${path} is there already; name another file with --out`, {
      cause,
      details: { path },
    });
  }
}

function bytesOf({ content }: BundleEntry, scrubber: Scrubber): Buffer {
  return Buffer.from('log' in content ? scrubber.log(content.log) : jsonText(scrubber.value(content.json)));
}

function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** Those that this command itself was given. */
function addSecrets(scrubber: Scrubber): void {
  for (const name of ['RINGMQ_PASSWORD', 'RINGMQ_TOKEN']) {
    scrubber.addSecret(process.env[name] ?? '');
  }
  const who = credentials();
  if (who?.scheme === 'scram') {
    scrubber.addSecret(who.password);
    scrubber.addName('user', who.user);
  }
}

function clusterIn(dir: string, scrubber: Scrubber): { folder: ClusterFolder; logs: string[] } {
  const folder = new ClusterFolder(dir);
  const file = folder.mustRead();
  scrubber.addSecret(readFileSync(folder.secretFile(), 'utf8'));
  scrubber.addName('path', folder.path);
  for (const { name } of file.nodes) {
    scrubber.addName('broker', name);
  }
  return { folder, logs: file.nodes.map(({ name }) => `${folder.nodeFolder(name)}/log`) };
}

async function folderEntries(folder: ClusterFolder): Promise<{ entries: BundleEntry[]; missing: Missing[] }> {
  try {
    const file = folder.mustRead();
    const json = { file, status: await statusOfFolder(folder, file) };
    const holds = 'what the cluster of the folder consists of, and how it is';
    return { entries: [{ name: 'cluster-folder.json', holds, content: { json } }], missing: [] };
  } catch (error) {
    return { entries: [], missing: [{ what: 'the cluster of the folder', why: reasonOf(error) }] };
  }
}
