/** Found messages as HTTP has them: JSON has no bytes. */
import { isUtf8 } from 'node:buffer';
import { z } from 'zod';
import { ANSWERS } from '../../engine/control/answers.js';
import type { FindResult, FoundMessage } from '../../native-free/wire/index.js';

const found = ANSWERS.findMessages.shape.messages.element;

export const FOUND_ANSWER = ANSWERS.findMessages.extend({
  messages: z.array(
    found.extend({
      properties: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
      propertiesBase64: z.record(z.string(), z.string()).exactOptional(),
      body: z.string().nullable().exactOptional().describe('Where it is UTF-8.'),
      bodyBase64: z.string().exactOptional().describe('Where it is not.'),
    }),
  ),
});

export function foundJson(result: object): object {
  const { messages, ...rest } = result as FindResult;
  return { ...rest, messages: messages.map(messageJson) };
}

function messageJson({ body, properties, ...rest }: FoundMessage): object {
  const texts: [string, unknown][] = [];
  const bytes: [string, string][] = [];
  for (const [name, value] of Object.entries(properties)) {
    if (value instanceof Uint8Array) {
      bytes.push([name, base64(value)]);
    } else {
      texts.push([name, value]);
    }
  }
  return {
    ...rest,
    properties: Object.fromEntries(texts),
    ...(bytes.length === 0 ? {} : { propertiesBase64: Object.fromEntries(bytes) }),
    ...(body === null
      ? { body }
      : isUtf8(body)
        ? { body: new TextDecoder().decode(body) }
        : { bodyBase64: base64(body) }),
  };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
