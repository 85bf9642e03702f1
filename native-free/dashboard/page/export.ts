/** Messages as a file: one of them a line, all that are there or until it is stopped. */
import type { TopicDescription } from '../../client/index.js';
import type { SeenMessage } from '../desk/index.js';
import { textOf } from './body.js';
import type { Search } from './message-search.js';
import { backend } from './session.js';

const PAGE = 1_000;
const COLUMNS = [
  'brokerSet',
  'queueId',
  'offset',
  'storeTime',
  'bornTime',
  'tag',
  'keys',
  'messageId',
  'body',
] as const;

export type ExportFormat = 'ndjson' | 'csv';

/** Queue after queue, from what the search begins at. `onCount` is told how many there are so far. */
export async function exportMessages(
  topic: TopicDescription,
  wanted: Search,
  format: ExportFormat,
  signal: AbortSignal,
  onCount: (count: number) => void,
): Promise<Blob> {
  const parts: string[] = format === 'csv' ? [`${COLUMNS.join()}\r\n`] : [];
  const line = format === 'csv' ? csvLine : jsonLine;
  const queues = topic.queueStates.filter(
    ({ queueId, brokerSet }) =>
      wanted.queue === null ||
      (wanted.queue.queueId === queueId && wanted.queue.brokerSet === (brokerSet ?? null)),
  );
  let count = 0;
  for (const { queueId, brokerSet, minOffset, maxOffset } of queues) {
    let offset = wanted.by === 'offset' ? Math.max(minOffset, Number(wanted.text)) : minOffset;
    let from: { offset: number } | { time: number } =
      wanted.by === 'time' ? { time: new Date(wanted.text).getTime() } : { offset };
    while (offset < maxOffset && !signal.aborted) {
      const messages = await backend().look({
        topic: topic.topic,
        queueId,
        ...(brokerSet === undefined ? {} : { brokerSet }),
        from,
        max: PAGE,
        ...(wanted.tag === '' ? {} : { filter: wanted.tag }),
      });
      parts.push(messages.map(line).join(''));
      count += messages.length;
      onCount(count);
      const last = messages.at(-1);
      if (last === undefined) {
        break;
      }
      offset = last.offset + 1;
      from = { offset };
    }
  }
  return new Blob(parts, { type: format === 'csv' ? 'text/csv' : 'application/x-ndjson' });
}

function jsonLine({ body, bodyBytes: _bytes, properties, ...message }: SeenMessage): string {
  const text = body === null ? null : textOf(body);
  const shown = Object.fromEntries(
    Object.entries(properties).map(([name, value]) => [
      name,
      value instanceof Uint8Array ? base64(value) : value,
    ]),
  );
  const content = body === null || text !== null ? { body: text } : { bodyBase64: base64(body) };
  return `${JSON.stringify({ ...message, properties: shown, ...content })}\n`;
}

function csvLine(message: SeenMessage): string {
  const text = message.body === null ? '' : (textOf(message.body) ?? base64(message.body));
  const values = { ...message, keys: message.keys.join(' '), body: text };
  return `${COLUMNS.map((column) => csvCell(String(values[column] ?? ''))).join()}\r\n`;
}

/** A program of tables runs what begins like a formula: it is made text. */
function csvCell(value: string): string {
  const safe = /^[=+\-@\t\r]/.test(value) && !/^-?\d+(\.\d+)?$/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function base64(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) {
    text += String.fromCharCode(byte);
  }
  return btoa(text);
}

export function download(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
