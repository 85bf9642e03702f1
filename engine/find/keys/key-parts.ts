/** The files of the key index as a search sees them: what each says of itself is read once. */
import { type Disk, diskErrorCode, removeIfThere } from '../../disk/index.js';
import type { LogReader } from '../../log/index.js';
import { KeyFile } from './key-file.js';
import { HAS_HOLES, parseKeyFileName } from './key-file-layout.js';

/** Files whose headers are kept, some 400 bytes each. */
const MAX_KEPT = 16_384;

export interface KeyPart {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

export class KeyParts {
  readonly #disk: Disk;
  readonly #dir: string;
  readonly #log: LogReader;
  readonly #files = new Map<string, KeyFile>();

  constructor(disk: Disk, dir: string, log: LogReader) {
    this.#disk = disk;
    this.#dir = dir;
    this.#log = log;
  }

  /** Those there are now, by where they begin; of those that begin at one place the longest first. @throws disk errors */
  list(): KeyPart[] {
    const parts: KeyPart[] = [];
    for (const name of this.#names()) {
      const range = parseKeyFileName(name);
      if (range !== undefined) {
        parts.push({ name, ...range });
      }
    }
    const there = new Set(parts.map(({ name }) => name));
    for (const name of this.#files.keys()) {
      if (!there.has(name)) {
        this.#files.delete(name);
      }
    }
    return parts.sort((a, b) => a.from - b.from || b.to - a.to);
  }

  /** null: it is gone, damaged, or of another log. @throws disk errors */
  open({ name }: KeyPart): KeyFile | null {
    const known = this.#files.get(name);
    if (known !== undefined) {
      return known;
    }
    const file = whereThere(() => KeyFile.open(this.#disk, this.#dir, name, this.#log));
    // One with holes may be made again under its name, and then says something else of itself.
    if (file !== null && (file.facts.flags & HAS_HOLES) === 0 && this.#files.size < MAX_KEPT) {
      this.#files.set(name, file);
    }
    return file;
  }

  /** What tells nothing is removed, so that it is made again. @throws disk errors */
  discard({ name }: KeyPart): void {
    this.#files.delete(name);
    removeIfThere(this.#disk, `${this.#dir}/${name}`);
  }

  /** Batches that may have the key; null: the file is gone, or damaged. @throws disk errors */
  lookUp(file: KeyFile, hash: number): number[] | null {
    return whereThere(() => file.lookUp(hash));
  }

  #names(): string[] {
    return whereThere(() => this.#disk.readdir(this.#dir)) ?? [];
  }
}

function whereThere<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    const code = diskErrorCode(error);
    if (code === 'ENOENT' || code === 'EIO') {
      return null;
    }
    throw error;
  }
}
