/** The one message at a place in the log, or in the ring of memory topics. */
import { BatchHeader } from '../../native-free/batch/batch-reader.js';
import { BATCH, readUint32, readUint64, SLOT_BYTES, slotAligned } from '../../native-free/wire/index.js';
import { headerIsValid } from '../batch/header.js';
import { throwUnlessDamage } from '../lane/damage.js';
import { IndexEntry } from '../queue/index.js';
import { BatchMatch, batchFault } from './batch-match.js';
import { headerAt } from './batch-source.js';
import { FindPage, type PageIdentity } from './find-page.js';
import type { FindAnswer, IdRequest } from './find-request.js';
import type { WalkDeps } from './queue-walk.js';

/** @throws what is no damage of the disk's errors */
export function findById(deps: WalkDeps, request: IdRequest, identity: PageIdentity): FindAnswer {
  const page = new FindPage(identity, request);
  const answer = {
    topicId: null,
    messages: page.messages,
    damage: page.damage,
    cursor: null,
    complete: true,
  };
  const { source } = deps;
  const { position, index } = request;
  try {
    const found =
      position < request.committed && position % SLOT_BYTES === 0 ? headerAt(source, position) : null;
    if (found === null || !headerIsValid(found, 0, position)) {
      return answer;
    }
    const [length, topicId] = [readUint32(found, BATCH.length), readUint32(found, BATCH.topicId)];
    const [queueId, baseOffset] = [readUint32(found, BATCH.queueId), readUint64(found, BATCH.baseOffset)];
    // Whoever wrote a body may have made it look like a batch: the queue's index knows what is one.
    const slot = deps.queueTable.find(topicId, queueId);
    const entry = new IndexEntry();
    const isOne = slot >= 0 && deps.queueIndex.find(slot, baseOffset, entry) && entry.position === position;
    if (!isOne || position + slotAligned(length) > request.committed) {
      return answer;
    }
    const bytes = source.read(position, slotAligned(length));
    if (bytes === null) {
      return answer;
    }
    const header = new BatchHeader();
    const fault = batchFault(bytes, position, header);
    if (fault !== null) {
      page.tellDamage(queueId, baseOffset + index, fault);
    } else if (index < header.recordCount) {
      new BatchMatch(request).collect(bytes, header, index, page, index + 1);
    }
    return { ...answer, topicId };
  } catch (error) {
    throwUnlessDamage(error);
    page.tellDamage(null, null, (error as Error).message);
    return answer;
  }
}
