/**
 * The blocks of one queue on the way down from a late one to the one last used: a stack, the earliest on top.
 * All offsets between two neighbours on it are reached from the later one, so going forward through a queue
 * pops and goes down again a little, and never begins at the queue's end.
 */

/** A way down takes at most some 3 log2(n) blocks; when it is longer the latest are dropped and found anew. */
const NODES = 64;
const NODE = { id: 0, first: 1, end: 2, prev: 3, jump: 4, jumpEnd: 5 } as const;
const NODE_DOUBLES = 6;

export class SeekCursor {
  slot = -1;
  topicId = -1;
  lane = 0;
  length = 0;
  readonly #nodes = new Float64Array(NODES * NODE_DOUBLES);
  #top = -NODE_DOUBLES;
  #hint = 0;
  #hintBase = 0;

  /** Forgets everything when it was for another queue. */
  useFor(slot: number, topicId: number, lane: number): void {
    if (this.slot !== slot || this.topicId !== topicId) {
      this.slot = slot;
      this.topicId = topicId;
      this.lane = lane;
      this.clear();
    }
  }

  clear(): void {
    this.length = 0;
    this.#top = -NODE_DOUBLES;
    this.#hint = 0;
    this.#hintBase = 0;
  }

  /** True when the top block has the offset, or would if any batch had it. */
  covers(slot: number, offset: number): boolean {
    const top = this.#top;
    return (
      this.slot === slot &&
      this.length > 0 &&
      offset >= (this.#nodes[top + NODE.first] as number) &&
      offset < (this.#nodes[top + NODE.end] as number)
    );
  }

  id(): number {
    return this.#nodes[this.#top + NODE.id] as number;
  }

  /** First offset of the top block. */
  first(): number {
    return this.#nodes[this.#top + NODE.first] as number;
  }

  /** Offset behind the top block. */
  end(): number {
    return this.#nodes[this.#top + NODE.end] as number;
  }

  /** The block to go down to from the top one for an offset before it; 0 = there is none. */
  nextTowards(offset: number): number {
    const nodes = this.#nodes;
    const jump = nodes[this.#top + NODE.jump] as number;
    return jump !== 0 && (nodes[this.#top + NODE.jumpEnd] as number) > offset
      ? jump
      : (nodes[this.#top + NODE.prev] as number);
  }

  push(id: number, first: number, end: number, prev: number, jump: number, jumpEnd: number): void {
    const nodes = this.#nodes;
    if (this.length === NODES) {
      nodes.copyWithin(0, NODE_DOUBLES);
      this.#top -= NODE_DOUBLES;
      this.length--;
    }
    this.#top += NODE_DOUBLES;
    this.length++;
    nodes[this.#top + NODE.id] = id;
    nodes[this.#top + NODE.first] = first;
    nodes[this.#top + NODE.end] = end;
    nodes[this.#top + NODE.prev] = prev;
    nodes[this.#top + NODE.jump] = jump;
    nodes[this.#top + NODE.jumpEnd] = jumpEnd;
    this.#hint = 0;
    this.#hintBase = 0;
  }

  pop(): void {
    this.#top -= NODE_DOUBLES;
    this.length--;
    this.#hint = 0;
    this.#hintBase = 0;
  }

  /** Drops blocks that end at or before the offset. */
  dropUpTo(offset: number): void {
    while (this.length > 0 && this.end() <= offset) {
      this.pop();
    }
  }

  /** An entry of the top block at or before the one wanted. */
  hint(offset: number): number {
    return offset >= this.#hintBase ? this.#hint : 0;
  }

  /** Entry `index` of the top block, with this base offset, was the last answer. */
  remember(index: number, baseOffset: number): void {
    this.#hint = index;
    this.#hintBase = baseOffset;
  }
}
