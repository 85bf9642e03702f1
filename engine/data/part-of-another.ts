import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { RingMQError } from '../../native-free/wire/index.js';
import { NODE_FILE } from '../meta/node-file.js';

const PARTS = ['log', 'meta', 'queues'];

/** A path one level too deep would be a broker without a message, beside all those of the one that is meant. @throws RingMQError BAD_CONFIG */
export function checkIsWhole(dataDir: string): void {
  const path = resolve(dataDir);
  const above = dirname(path);
  const isData = (dir: string): boolean => existsSync(join(dir, 'meta', NODE_FILE));
  if (PARTS.includes(basename(path)) && isData(above) && !isData(path)) {
    throw new RingMQError('BAD_CONFIG', `${path} is a part of the data directory ${above}; name that one`, {
      details: { dataDir: path },
    });
  }
}
