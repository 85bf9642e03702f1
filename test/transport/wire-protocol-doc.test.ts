/**
 * `docs/wire-protocol.md` against the code: every hex example, every error, every limit, every opcode.
 * `RINGMQ_UPDATE_DOCS=1` writes the examples anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { messageId, messageIdPrefix, shardingHash } from '../../native-free/client/internal.js';
import * as wire from '../../native-free/wire/index.js';
import { ERRORS, OPCODE } from '../../native-free/wire/index.js';
import type { Example } from './recorded-conversation.js';
import { hexDump, makeExamples } from './wire-protocol-examples.js';

const FILE = new URL('../../../docs/wire-protocol.md', import.meta.url);
const BLOCK = /```hex ([a-z-]+)\n([\s\S]*?)```/g;

let text = readFileSync(FILE, 'utf8');
let examples: Map<string, Example>;

function render({ note, bytes }: Example): string {
  return `# ${note}\n${hexDump(bytes)}\n`;
}

beforeAll(async () => {
  examples = await makeExamples();
  if (process.env['RINGMQ_UPDATE_DOCS'] !== '1') {
    return;
  }
  text = text.replace(BLOCK, (block, name: string) => {
    const example = examples.get(name);
    return example === undefined ? block : `\`\`\`hex ${name}\n${render(example)}\`\`\``;
  });
  writeFileSync(FILE, text);
});

describe('docs/wire-protocol.md', () => {
  test('its examples are what the code sends and takes', () => {
    const shown = new Map([...text.matchAll(BLOCK)].map(([, name, content]) => [name as string, content]));
    expect([...shown.keys()].sort()).toEqual([...examples.keys()].sort());
    for (const [name, example] of examples) {
      expect(shown.get(name), name).toBe(render(example));
    }
  });

  test('every opcode has an example', () => {
    const shown = new Set([...examples.values()].map(({ bytes }) => bytes[0]));
    for (const [name, opcode] of Object.entries(OPCODE)) {
      if (name !== 'batch') {
        expect(shown, name).toContain(opcode);
      }
      expect(text).toContain(`| ${opcode} | \`${name}\``);
    }
  });

  test('its error table is the table', () => {
    const rows = text.match(/^\| \d+ \| `[A-Z_]+` \| (yes|no) \| (no|\d+) \|/gm) ?? [];
    for (const [code, { wire: number, retryable, closes }] of Object.entries(ERRORS)) {
      const ends = closes ? wire.closeCodeOf(code as wire.ErrorCode) : 'no';
      expect(rows).toContain(`| ${number} | \`${code}\` | ${retryable ? 'yes' : 'no'} | ${ends} |`);
    }
    expect(rows).toHaveLength(Object.keys(ERRORS).length);
  });

  test('its hashes of sharding keys are the ones that clients use', () => {
    const rows = [...text.matchAll(/^\| `([^`]+)` \| (\d+) \| ([0-3]) \|$/gm)];
    expect(rows).toHaveLength(6);
    for (const [, key, hash, queue] of rows) {
      expect([key, shardingHash(key as string)]).toEqual([key, Number(hash)]);
      expect(Number(hash) % 4).toBe(Number(queue));
    }
  });

  test('its message id is what clients make of that position', () => {
    for (const memory of [false, true]) {
      expect(text).toContain(`\`${messageId(messageIdPrefix('00112233445566aa', memory, 8192), 1)}\``);
    }
  });

  test('its limits are the limits', () => {
    const limits = text.match(/^\| `MAX_[A-Z_]+` \| \d+ \|$/gm) ?? [];
    for (const [name, value] of Object.entries(wire)) {
      if (name.startsWith('MAX_')) {
        expect(limits, name).toContain(`| \`${name}\` | ${value} |`);
      }
    }
  });
});
