/** Writing and reading one file of the key index. */
import { BATCH, readUint32, writeUint32 } from '../../../native-free/wire/batch-layout.js';
import { headerIsValid } from '../../batch/header.js';
import { type Disk, removeIfThere } from '../../disk/disk.js';
import type { LogReader } from '../../log/index.js';
import type { KeyEntries } from './key-entries.js';
import {
  bucketsFor,
  decodeHeader,
  ENTRIES_AT,
  ENTRY_BYTES,
  encodeHeader,
  type KeyFileFacts,
  keyFileName,
  PAGE_BYTES,
  PAGE_ENTRIES,
  pageEntries,
  pageOf,
  sealPage,
} from './key-file-layout.js';

/** Pages written with one call. */
const WRITE_PAGES = 64;

/**
 * Writes a file under another name and then gives it its own, so that what has the name is whole. Not synced: a
 * file that a power cut took a part of is told by its checksums, and made again. @throws disk errors
 */
export function writeKeyFile(
  disk: Disk,
  dir: string,
  facts: Omit<KeyFileFacts, 'entries' | 'buckets' | 'pages'>,
  entries: KeyEntries,
): void {
  const words = entries.sorted();
  const buckets = bucketsFor(entries.count);
  const name = keyFileName(facts.from, facts.to);
  const fresh = `${dir}/${name}.new`;
  removeIfThere(disk, fresh);
  const fd = disk.create(fresh);
  try {
    const pages = entries.count === 0 ? 0 : writePages(disk, fd, words, buckets);
    const header = encodeHeader({ ...facts, entries: entries.count, buckets, pages });
    disk.write(fd, header, 0, header.length, 0);
  } finally {
    disk.close(fd);
  }
  disk.rename(fresh, `${dir}/${name}`);
}

/** Returns how many. */
function writePages(disk: Disk, fd: number, words: Uint32Array, buckets: number): number {
  const out = new Uint8Array(WRITE_PAGES * PAGE_BYTES);
  let inOut = 0;
  let written = 0;
  let next = 0;
  while (next < words.length || written + inOut < buckets) {
    const number = written + inOut + 1;
    const at = inOut * PAGE_BYTES;
    out.fill(0, at, at + PAGE_BYTES);
    let count = 0;
    // What did not fit into the pages before comes first: it has the lower hashes.
    while (
      next < words.length &&
      count < PAGE_ENTRIES &&
      pageOf(words[next + 1] as number, buckets) <= number
    ) {
      const entry = at + ENTRIES_AT + count * ENTRY_BYTES;
      writeUint32(out, entry, words[next] as number);
      writeUint32(out, entry + 4, words[next + 1] as number);
      next += 2;
      count++;
    }
    sealPage(out, at, number, count);
    inOut++;
    if (inOut === WRITE_PAGES) {
      disk.write(fd, out, 0, inOut * PAGE_BYTES, (written + 1) * PAGE_BYTES);
      written += inOut;
      inOut = 0;
    }
  }
  disk.write(fd, out, 0, inOut * PAGE_BYTES, (written + 1) * PAGE_BYTES);
  return written + inOut;
}

/** Reads files of the key index. One file at a time is open, for the length of a call. */
export class KeyFile {
  readonly facts: KeyFileFacts;
  readonly #disk: Disk;
  readonly #path: string;
  readonly #page = new Uint8Array(PAGE_BYTES);

  private constructor(disk: Disk, path: string, facts: KeyFileFacts) {
    this.#disk = disk;
    this.#path = path;
    this.facts = facts;
  }

  /** null: it is not whole, or of another log than the one that is there now. @throws disk errors */
  static open(disk: Disk, dir: string, name: string, log: LogReader): KeyFile | null {
    const path = `${dir}/${name}`;
    const bytes = new Uint8Array(PAGE_BYTES);
    const fd = disk.open(path, 'read');
    let got: number;
    try {
      got = disk.read(fd, bytes, 0, PAGE_BYTES, 0);
    } finally {
      disk.close(fd);
    }
    const facts = got === PAGE_BYTES ? decodeHeader(bytes) : undefined;
    if (facts === undefined || keyFileName(facts.from, facts.to) !== name || !isOfLog(facts, log)) {
      return null;
    }
    return disk.size(path) >= (1 + facts.pages) * PAGE_BYTES ? new KeyFile(disk, path, facts) : null;
  }

  /** Log positions of the batches that may have the key, ascending; null: what tells is damaged. @throws disk errors */
  lookUp(hash: number): number[] | null {
    const { from, buckets, pages } = this.facts;
    const found: number[] = [];
    if (pages === 0) {
      return found;
    }
    const fd = this.#disk.open(this.#path, 'read');
    try {
      for (let number = pageOf(hash, buckets); number <= pages; number++) {
        const got = this.#disk.read(fd, this.#page, 0, PAGE_BYTES, number * PAGE_BYTES);
        const count = got === PAGE_BYTES ? pageEntries(this.#page, 0, number) : -1;
        if (count < 0) {
          return null;
        }
        for (let i = 0, at = ENTRIES_AT; i < count; i++, at += ENTRY_BYTES) {
          if (readUint32(this.#page, at + 4) === hash) {
            found.push(from + readUint32(this.#page, at) * 64);
          }
        }
        if (count < PAGE_ENTRIES) {
          break;
        }
      }
    } finally {
      this.#disk.close(fd);
    }
    return found;
  }

  /** Adds all entries, as they are counted from `base` on. False: some cannot be read. @throws disk errors */
  copyTo(entries: KeyEntries, base: number): boolean {
    const { from, pages } = this.facts;
    const shift = (from - base) / 64;
    const fd = this.#disk.open(this.#path, 'read');
    try {
      for (let number = 1; number <= pages; number++) {
        const got = this.#disk.read(fd, this.#page, 0, PAGE_BYTES, number * PAGE_BYTES);
        const count = got === PAGE_BYTES ? pageEntries(this.#page, 0, number) : -1;
        if (count < 0) {
          return false;
        }
        for (let i = 0, at = ENTRIES_AT; i < count; i++, at += ENTRY_BYTES) {
          entries.add(readUint32(this.#page, at + 4), readUint32(this.#page, at) + shift);
        }
      }
      return true;
    } finally {
      this.#disk.close(fd);
    }
  }
}

/** A log that was cut and went on otherwise, or was replaced, has another batch where the stretch ended. */
function isOfLog({ lastPosition, lastCrc, from, to }: KeyFileFacts, log: LogReader): boolean {
  if (lastPosition < from || lastPosition >= to) {
    return lastPosition === -1;
  }
  const header = new Uint8Array(96);
  const got = log.read(lastPosition, header.length, header, 0);
  if (lastPosition < log.oldestPosition) {
    return true; // Retention has taken it, and is about to take the file.
  }
  return (
    headerIsValid(header.subarray(0, got), 0, lastPosition) && readUint32(header, BATCH.headerCrc) === lastCrc
  );
}
