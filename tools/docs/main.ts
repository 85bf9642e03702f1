/** `npm run docs:options`: writes what is made from the schemas of options and from the types. */
import { readFileSync, writeFileSync } from 'node:fs';
import { writtenFiles } from './written-files.js';

const root = new URL('../../../', import.meta.url);
for (const [path, text] of writtenFiles()) {
  const file = new URL(path, root);
  let before = '';
  try {
    before = readFileSync(file, 'utf8');
  } catch {
    // It is made.
  }
  if (before !== text) {
    writeFileSync(file, text);
  }
  process.stdout.write(`${path}: ${before === text ? 'as it was' : 'written'}\n`);
}
