/** A disk in memory for index files: what is written is there. Counts and can fail its writes. */
import type { IndexDisk } from '../../engine/queue/index.js';

export class MemoryDisk implements IndexDisk {
  readonly files = new Map<string, Uint8Array>();
  /** Called before every write; may throw. */
  beforeWrite: () => void = () => {};
  syncs = 0;
  readonly #paths: string[] = [];

  open(path: string): number {
    if (!this.files.has(path)) {
      throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
    }
    return this.#paths.push(path) - 1;
  }

  create(path: string): number {
    if (this.files.has(path)) {
      throw Object.assign(new Error(`EEXIST: ${path}`), { code: 'EEXIST' });
    }
    this.files.set(path, new Uint8Array(0));
    return this.open(path);
  }

  close(fd: number): void {
    this.#paths[fd] = '';
  }

  read(fd: number, target: Uint8Array, at: number, length: number, filePosition: number): number {
    const part = this.#bytes(fd).subarray(filePosition, filePosition + length);
    target.set(part, at);
    return part.length;
  }

  write(fd: number, bytes: Uint8Array, at: number, length: number, filePosition: number): void {
    this.beforeWrite();
    let file = this.#bytes(fd);
    const end = filePosition + length;
    if (file.length < end) {
      // The memory behind a file doubles; the file is the part of it that was written.
      const isRoomy = file.buffer.byteLength >= end;
      const room = isRoomy ? new Uint8Array(file.buffer) : new Uint8Array(end * 2);
      if (!isRoomy) {
        room.set(file);
      }
      file = room.subarray(0, end);
      this.files.set(this.#paths[fd] as string, file);
    }
    file.set(bytes.subarray(at, at + length), filePosition);
  }

  fdatasync(): void {
    this.syncs++;
  }

  fsyncDir(): void {}
  mkdir(): void {}

  unlink(path: string): void {
    if (!this.files.delete(path)) {
      throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
    }
  }

  readdir(path: string): string[] {
    return [...this.files.keys()]
      .filter((name) => name.startsWith(`${path}/`))
      .map((name) => name.slice(path.length + 1));
  }

  size(path: string): number {
    const file = this.files.get(path);
    if (file === undefined) {
      throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
    }
    return file.length;
  }

  #bytes(fd: number): Uint8Array {
    const file = this.files.get(this.#paths[fd] as string);
    if (file === undefined) {
      throw Object.assign(new Error('EBADF'), { code: 'EBADF' });
    }
    return file;
  }
}
