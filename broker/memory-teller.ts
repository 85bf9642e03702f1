/** Warns once where there is less memory than a broker may come to use. */
import type { Engine } from '../engine/engine.js';
import { memoryShortage, memoryThere, neededBytes } from './memory-need.js';

export class MemoryTeller {
  #isTold = false;

  look(engine: Engine, listenerThreads: number): void {
    const { log, memory } = engine.handle;
    const rings = { ringBytes: log.ring.data.byteLength, memoryRingBytes: memory.ring.data.byteLength };
    const needed = neededBytes(rings, listenerThreads);
    const there = memoryThere();
    const shortage = memoryShortage(needed, there);
    if (shortage !== null && !this.#isTold) {
      this.#isTold = true;
      engine.warn(shortage, { neededBytes: needed, ...there });
    }
  }
}
