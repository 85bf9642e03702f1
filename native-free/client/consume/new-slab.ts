/** Where a consumer copies messages that are its caller's to keep. */
import { keepWhole } from '#client-platform';
import { RecordSlab } from '../../batch/record-slab.js';

export function newSlab(): RecordSlab {
  return new RecordSlab(keepWhole);
}
