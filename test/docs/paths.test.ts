/** Files, links and scripts that the documents name are there. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const ROOMS = [
  'broker',
  'cli',
  'engine',
  'native-free',
  'transport',
  'bench',
  'demo',
  'test',
  'tools',
  'examples',
];

const sources = ROOMS.flatMap((room) =>
  readdirSync(join(ROOT, room), { recursive: true, encoding: 'utf8' }).map((name) => `${room}/${name}`),
);
const documents = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...['docs', 'deploy', 'examples'].flatMap((room) =>
    readdirSync(join(ROOT, room), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => `${room}/${name}`),
  ),
];

/** A path as documents write it: from the root, or from the room that is spoken of. */
function isThere(path: string): boolean {
  const wanted = path.replace(/\/$/, '');
  return sources.some(
    (name) => name === wanted || name === `${wanted}.test.ts` || name.endsWith(`/${wanted}`),
  );
}

function all(text: string, pattern: RegExp): string[] {
  return [...new Set([...text.matchAll(pattern)].map((match) => match[1] as string))];
}

describe.each(documents)('%s', (document) => {
  const text = readFileSync(join(ROOT, document), 'utf8');

  it('names source files that are there', () => {
    const files = all(text, /`((?:[a-z][\w-]*\/)*[a-z][\w-]*(?:\.[a-z]+)?\.ts)`/g);
    expect(files.filter((file) => !isThere(file))).toEqual([]);
    const rooms = all(text, new RegExp(`\`((?:${ROOMS.join('|')})/[\\w./-]+)\``, 'g'));
    expect(rooms.filter((room) => !isThere(room))).toEqual([]);
  });

  it('links to what is there', () => {
    const links = all(text, /\]\((?!https?:)([^)#\s]+)/g);
    expect(links.filter((link) => !existsSync(join(ROOT, dirname(document), link)))).toEqual([]);
  });

  it('names scripts that are there', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object };
    expect(all(text, /npm run ([a-z:]+)/g).filter((name) => !(name in scripts))).toEqual([]);
  });
});
