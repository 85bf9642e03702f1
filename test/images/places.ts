/** Where what the container tests make lies, all below one temporary directory. */
import { join } from 'node:path';

export class Places {
  readonly work: string;

  constructor(work: string) {
    this.work = work;
  }

  /** A root file system of Debian's packages with this machine's Node, as a tar file. */
  get baseTar(): string {
    return join(this.work, 'base.tar');
  }

  /** What `docker build` is given. */
  get context(): string {
    return join(this.work, 'context');
  }

  get secrets(): string {
    return join(this.work, 'secrets');
  }

  get engineData(): string {
    return join(this.work, 'engine');
  }

  get engineSocket(): string {
    return join(this.work, 'engine.sock');
  }

  get engineLog(): string {
    return join(this.work, 'engine.log');
  }

  file(name: string): string {
    return join(this.work, name);
  }
}
