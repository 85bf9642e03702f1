/** ZeroMQ between two threads of a process: a small C program over libzmq, for it has no part in a Node process of this kind. */
import { BenchCache } from '../peers/cache.js';
import { PeerUnavailable } from '../peers/peer.js';
import { measureInproc, zeromq } from '../peers/zeromq.js';
import { BODY_BYTES } from './shape.js';

const SECONDS = 3;

/** Messages a second; null where it cannot be had here. */
export async function measureZeromqInproc(): Promise<number | null> {
  const cache = new BenchCache();
  try {
    await zeromq.install(cache);
  } catch (error) {
    if (!(error instanceof PeerUnavailable)) {
      throw error;
    }
    process.stderr.write(`ZeroMQ cannot be had: ${error.message}\n`);
    return null;
  }
  return measureInproc(cache, BODY_BYTES, SECONDS);
}
