/** What a directory notes of the openings in which it took part in its set. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { identityOf, LOCK_FILE, NodeDisk } from '../../engine/disk/index.js';
import { NEVER_OWN, type NodeFacts, readNode } from '../../engine/meta/index.js';
import { NodeKeeper } from '../../engine/set/node-keeper.js';
import { makeDirectory, removeDirectory } from '../faults/small-broker.js';
import { NODE } from './node-facts.js';

const TOKEN = '00000000000000aa';
let path: string;
beforeEach(() => {
  path = makeDirectory();
  mkdirSync(join(path, 'meta'));
  writeFileSync(join(path, LOCK_FILE), `${process.pid} - - ${TOKEN} - -\n`);
});
afterEach(() => removeDirectory(path));

function keeper(facts: Partial<NodeFacts>): NodeKeeper {
  const dir = { path, identity: identityOf(path), token: TOKEN };
  return new NodeKeeper({ ...NODE, openings: [], ...facts }, dir, () => {});
}

const stored = (): readonly string[] | undefined => readNode(new NodeDisk(), join(path, 'meta'))?.openings;

test('each opening that follows or leads is noted once, the last ones are kept', () => {
  const openings = Array.from({ length: 32 }, (_, i) => i.toString(16).padStart(16, '0'));
  const node = keeper({ openings });
  node.becomeSlave();
  node.becomeSlave();
  node.takePart();
  expect(stored()).toEqual([...openings.slice(1), TOKEN]);
  expect(node.takesPart).toBe(true);
});

test('a slave that cannot note it follows all the same, and does not say the opening', () => {
  const node = keeper({ ownFrom: NEVER_OWN, isLed: true });
  rmSync(join(path, 'meta'), { recursive: true });
  node.becomeSlave();
  expect(node.takesPart).toBe(false);
  expect(() => node.takePart()).toThrow();
  mkdirSync(join(path, 'meta'));
  node.takePart();
  expect(stored()).toEqual([TOKEN]);
});
