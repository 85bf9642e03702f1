/** A real disk that fails when told to. */
import { NodeDisk } from '../../engine/disk/node-disk.js';

export class FaultyDisk extends NodeDisk {
  /** Errno of the writes to come, or null; half of the bytes are written before it fails. */
  writeFault: string | null = null;
  /** Errno of the fdatasyncs to come, or null. */
  syncFault: string | null = null;
  /** So many more descriptors may be open than are; EMFILE beyond. Negative: no limit. */
  descriptors = -1;
  writes = 0;
  syncs = 0;

  override create(path: string): number {
    this.#take();
    return super.create(path);
  }

  override close(fd: number): void {
    super.close(fd);
    if (this.descriptors >= 0) {
      this.descriptors++;
    }
  }

  override fsyncDir(path: string): void {
    this.#take();
    super.fsyncDir(path);
    if (this.descriptors >= 0) {
      this.descriptors++;
    }
  }

  #take(): void {
    if (this.descriptors === 0) {
      throw errno('EMFILE');
    }
    if (this.descriptors > 0) {
      this.descriptors--;
    }
  }

  override write(fd: number, bytes: Uint8Array, at: number, length: number, filePosition: number): void {
    this.writes++;
    if (this.writeFault !== null) {
      super.write(fd, bytes, at, length >> 1, filePosition);
      throw errno(this.writeFault);
    }
    super.write(fd, bytes, at, length, filePosition);
  }

  override fdatasync(fd: number): void {
    this.syncs++;
    if (this.syncFault !== null) {
      throw errno(this.syncFault);
    }
    super.fdatasync(fd);
  }
}

function errno(code: string): Error {
  return Object.assign(new Error(`${code}: said the test`), { code });
}
