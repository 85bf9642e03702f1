/** Batches of one connection that are not settled yet, by what they wait for. */
import { WaitingBatches } from './waiting-batches.js';

export class ProduceLines {
  /** Wait for the log's ring. Their bytes are bounded by the credit, which is not raised while there are any. */
  readonly forLog = new WaitingBatches();
  /**
   * Wait for room for their memory topic, by topic id. Topics have no order among each other, so one whose
   * consumers are behind holds up no other one. The credit is raised until as much as a window waits here.
   */
  readonly forMemory = new Map<number, WaitingBatches>();
  /** Wait until the topic of the first of them is known. */
  unresolved = new WaitingBatches();
  /** Wait for the next turn: behind those that wait for their topic, before all that come. */
  forTurn = new WaitingBatches();

  get isEmpty(): boolean {
    return (
      this.forLog.isEmpty && this.unresolved.isEmpty && this.forTurn.isEmpty && this.forMemory.size === 0
    );
  }

  /** Nothing more is to be asked for: batches wait for the log, their topic or their turn, or a window of them for memory topics. */
  isFull(windowBytes: number): boolean {
    return (
      !this.forLog.isEmpty ||
      !this.unresolved.isEmpty ||
      !this.forTurn.isEmpty ||
      (this.forMemory.size > 0 && this.#memoryBytes() >= windowBytes)
    );
  }

  /** There is no room for that topic any more. */
  addForMemory(topicId: number): WaitingBatches {
    const line = new WaitingBatches();
    this.forMemory.set(topicId, line);
    return line;
  }

  /** The topic is known, or known not to be there: those that waited for it have the next turn. */
  resolved(): void {
    const waiting = this.unresolved;
    this.unresolved = new WaitingBatches();
    waiting.append(this.forTurn);
    this.forTurn = waiting;
  }

  clear(): void {
    this.forLog.clear();
    this.forMemory.clear();
    this.unresolved.clear();
    this.forTurn.clear();
  }

  #memoryBytes(): number {
    let bytes = 0;
    for (const waiting of this.forMemory.values()) {
      bytes += waiting.bytes;
    }
    return bytes;
  }
}
