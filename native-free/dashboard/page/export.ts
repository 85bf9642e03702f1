/** Messages as a file: one of them a line, all that are there or until it is stopped. */
import type { TopicDescription } from '../../client/index.js';
import { clearTimeout, setTimeout } from '../../time/index.js';
import type { SeenMessage } from '../desk/index.js';
import { textOf } from './body.js';
import { findPage, type Search } from './message-search.js';

const PAGE_MESSAGES = 200;
/** Of each body at a time, as much as a broker gives. What is larger comes in pieces. */
const PIECE_BYTES = 2 * 1024 * 1024;
/** Damaged places that are told of. */
const MAX_TOLD = 20;
/** A browser may still be reading a file that it was given to save. */
const SAVING_MS = 60_000;
const COLUMNS = [
  'brokerSet',
  'queueId',
  'offset',
  'storeTime',
  'bornTime',
  'tag',
  'keys',
  'shardingKey',
  'properties',
  'messageId',
  'encoding',
  'body',
] as const;

export type ExportFormat = 'ndjson' | 'csv';

/**
 * What the search finds, in the order in which it was stored; of the newest, all there are. `onCount` is told how many
 * there are so far. Stopped by the signal it is what there is so far. `damage`: places that could not be read.
 */
export async function exportMessages(
  topic: TopicDescription,
  wanted: Search,
  format: ExportFormat,
  signal: AbortSignal,
  onCount: (count: number) => void,
): Promise<{ blob: Blob; damage: string[] }> {
  const type = format === 'csv' ? 'text/csv' : 'application/x-ndjson';
  const line = format === 'csv' ? csvLine : jsonLine;
  const search: Search = wanted.by === 'newest' ? { ...wanted, by: 'earliest' } : wanted;
  // Blobs need not stay in memory, and texts would.
  const parts: Blob[] = format === 'csv' ? [new Blob([`${COLUMNS.join()}\r\n`])] : [];
  const damage: string[] = [];
  let count = 0;
  let cursor: string | null = null;
  do {
    const page = await findPage(topic.topic, search, {
      cursor,
      limit: PAGE_MESSAGES,
      maxBodyBytes: PIECE_BYTES,
    });
    for (const message of page.messages) {
      parts.push(new Blob([line({ ...message, body: await wholeBody(message) })]));
    }
    damage.push(...page.damage.slice(0, MAX_TOLD - damage.length));
    count += page.messages.length;
    onCount(count);
    cursor = page.cursor;
  } while (cursor !== null && !signal.aborted);
  return { blob: new Blob(parts, { type }), damage };
}

/** What the broker has of a body beyond what came with its message. */
export async function wholeBody(message: SeenMessage): Promise<Uint8Array<ArrayBuffer> | null> {
  const { topic, queueId, brokerSet, offset, bodyBytes, body } = message;
  if (body === null) {
    return null;
  }
  const whole = new Uint8Array(bodyBytes);
  whole.set(body);
  for (let at = body.length; at < bodyBytes; ) {
    const place: Search = { by: 'offset', text: String(offset), tag: '', queue: { brokerSet, queueId } };
    const page = await findPage(topic, place, { limit: 1, maxBodyBytes: PIECE_BYTES, bodyFrom: at });
    const [piece] = page.messages;
    if (piece?.messageId !== message.messageId || piece.body === null || piece.body.length === 0) {
      throw new Error(`message ${offset} of queue ${queueId} is not stored any more`);
    }
    whole.set(piece.body, at);
    at += piece.body.length;
  }
  return whole;
}

function jsonLine({ body, bodyBytes: _bytes, properties, ...message }: SeenMessage): string {
  const text = body === null ? null : textOf(body);
  const content = body === null || text !== null ? { body: text } : { bodyBase64: base64(body) };
  return `${JSON.stringify({ ...message, properties: shown(properties), ...content })}\n`;
}

function csvLine(message: SeenMessage): string {
  const { body } = message;
  const text = body === null ? '' : textOf(body);
  const values = {
    ...message,
    keys: message.keys.join(' '),
    properties: JSON.stringify(shown(message.properties)),
    encoding: body === null ? 'none' : text === null ? 'base64' : 'utf-8',
    body: text ?? base64(body as Uint8Array),
  };
  return `${COLUMNS.map((column) => csvCell(String(values[column] ?? ''))).join()}\r\n`;
}

function shown(properties: SeenMessage['properties']): Record<string, string | number | boolean> {
  return Object.fromEntries(
    Object.entries(properties).map(([name, value]) => [
      name,
      value instanceof Uint8Array ? base64(value) : value,
    ]),
  );
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

let saving: ReturnType<typeof setTimeout> | undefined;
let saved = '';

/** Only the last file is held, and that for a moment. */
export function download(blob: Blob, name: string): void {
  forget();
  saved = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = saved;
  link.download = name;
  link.click();
  saving = setTimeout(forget, SAVING_MS);
}

function forget(): void {
  clearTimeout(saving);
  URL.revokeObjectURL(saved);
}
