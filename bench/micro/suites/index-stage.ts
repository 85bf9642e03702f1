import { type HeaderStamp, stampHeader } from '../../../engine/batch/header.js';
import { IndexRig } from '../index-rig.js';
import type { MicroCase, MicroSuite } from '../micro-case.js';
import { BORN_TIME, batchOf, MESSAGE_100 } from '../sample-batch.js';

/** What a batch costs between its publishing and its place in a queue. */
export const indexSuite: MicroSuite = {
  name: 'index',
  open: () => [stamping(), indexing('one queue', 1), indexing('1000 queues in turn', 1000)],
};

function stamping(): MicroCase {
  const bytes = batchOf(MESSAGE_100);
  const stamp: HeaderStamp = {
    position: 0,
    flushed: 0,
    epoch: 1,
    baseOffset: 0,
    storeTime: BORN_TIME,
    isPad: false,
  };
  const count = 1000;
  const run = (): void => {
    for (let i = 0; i < count; i++) {
      stamp.position += 64;
      stamp.baseOffset++;
      stampHeader(bytes, 0, stamp);
    }
  };
  return { name: 'stamp a header, with checksum', unit: 'batch', count, run };
}

/** Publishing and the results are in it (the ring suite tells how much publishing is); writing blocks to a file is not. */
function indexing(name: string, queues: number): MicroCase {
  const rig = new IndexRig(queues);
  // One message: the copy hardly counts.
  const batch = batchOf(MESSAGE_100, 256);
  const count = 1000;
  const run = (): void => {
    for (let i = 0; i < count; i++) {
      rig.publish(batch);
    }
    rig.index();
  };
  return { name: `publish and index, ${name}`, unit: 'batch', count, run };
}
