import { recordSource } from '../../../native-free/batch/record-source.js';
import { BatchInfo } from '../../../native-free/client/consume/batch-info.js';
import { ReceivedBatch } from '../../../native-free/client/consume/received-batch.js';
import {
  BatchBuilder,
  BatchHeader,
  bodyIsIntact,
  checkRecords,
  readHeader,
} from '../../../native-free/client/internal.js';
import type { OutgoingMessage } from '../../../native-free/client/types.js';
import { BATCH_HEADER_BYTES } from '../../../native-free/wire/index.js';
import { type MicroCase, type MicroSuite, sink } from '../micro-case.js';
import { BATCH_BYTES, BORN_TIME, batchOf, MESSAGE_100, TAGGED_TEXT } from '../sample-batch.js';

/** A batch from the client's messages, and messages out of it again. */
export const batchSuite: MicroSuite = {
  name: 'batch',
  open: () => [
    packing('pack 100 B, with checksum', MESSAGE_100),
    packing('pack a 40 character text with tag and key', TAGGED_TEXT),
    ...parsing(),
  ],
};

function packing(name: string, message: OutgoingMessage): MicroCase {
  const builder = new BatchBuilder(BATCH_BYTES);
  const pack = (): number => {
    builder.reset();
    while (builder.append(message, BORN_TIME)) {}
    builder.seal();
    return builder.count;
  };
  return { name, unit: 'record', count: pack(), run: pack };
}

function parsing(): MicroCase[] {
  const bytes = batchOf(MESSAGE_100);
  const header = new BatchHeader();
  const hold = { held: true, isActive: true, isPaused: false, ack: () => true };
  const source = recordSource(bytes);
  const open = (verify: boolean): ReceivedBatch => {
    readHeader(bytes, 0, bytes.length, header);
    if (verify && !bodyIsIntact(bytes, header)) {
      throw new Error('the batch is damaged');
    }
    checkRecords(source, header);
    const info = new BatchInfo(header, 0, 't', false, '0123456789abcdef', hold);
    return new ReceivedBatch(info, source, header, 0, BATCH_HEADER_BYTES, null);
  };
  const count = open(true).length;
  const parse = (name: string, run: () => void): MicroCase => ({ name, unit: 'record', count, run });
  return [
    parse('parse: header, checksum, check of all records', () => {
      sink.value = open(true);
    }),
    parse('parse and ask each message for its bodyLength', () => {
      let sum = 0;
      for (const message of open(true)) {
        sum += message.bodyLength;
      }
      sink.value = sum;
    }),
    parse('parse and ask each message for its body', () => {
      let sum = 0;
      for (const message of open(true)) {
        sum += message.body?.length ?? 0;
      }
      sink.value = sum;
    }),
  ];
}
