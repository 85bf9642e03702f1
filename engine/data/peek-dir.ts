/** What a data directory says of itself, read before it is locked and opened: a hint, which may be another one's by then. */
import { NodeDisk } from '../disk/index.js';
import { NEVER_OWN, readNode } from '../meta/index.js';

export interface DirFacts {
  /** Of the log: 16 hexadecimal digits. */
  readonly brokerId: string;
  /** What it was made by a promotion, or by following a master; null: neither, it is what its options say. */
  readonly role: 'master' | 'slave' | null;
  /** A controller has said who is master of its set. */
  readonly isLed: boolean;
}

/** null: there is nothing yet, or nothing that can be read; whoever opens it will say why. */
export function peekDir(dataDir: string): DirFacts | null {
  try {
    const node = readNode(new NodeDisk(), `${dataDir}/meta`);
    if (node === null) {
      return null;
    }
    const { brokerId, ownFrom, isLed } = node;
    return { brokerId, isLed, role: ownFrom === 0 ? null : ownFrom === NEVER_OWN ? 'slave' : 'master' };
  } catch {
    return null;
  }
}
