/**
 * What the threads of a broker share about its replicas, drawn once: Int32 words in lines of 64 bytes.
 *
 *   line     word        written by                    means (positions: slots, Int32, wrapping)
 *   ───────  ──────────  ────────────────────────────  ─────────────────────────────────────────────────────────
 *     0      mode        the opener, once              0: slaves follow, nobody waits for them; 1: sends wait for slaves
 *     0      rule        the opener                    whom acks count: bit i: the slave of row i; from bit 8 on: how many must have a batch before it is acked
 *     0      degrade     the opener, once              0: with fewer in sync sends are refused; 1: those that are there are enough; 2: once the
 *                                                      controller has it that fewer count, which `rule` then says
 *     0      receivedBy  any thread, by raising it     enough slaves have received the log up to here, or it was committed before
 *     0      flushedBy   the same                      enough slaves have it on their disks up to here, or it was committed before
 *     0      damaged     the opener                    stretches of the log that are to be repaired from a slave
 *     0      version     any of the writers below        has changed whenever something here has
 *     0      inherits    the opener                    1: what lies below `inherited` is at one slave at least
 *     0      inherited   the opener, before `inherits` where the log ended that this broker had when it was promoted: it was the slave
 *     1      committed   the follower (a slave)        up to where its master has committed, and this ring has it
 *     1      controlSeen    the follower              control batches of the master that have come
 *     1      controlApplied the opener                … and that have been applied to the state
 *   2 + row  state       the opener                    0 = free, 1 = a slave's
 *   2 + row  link        the opener                    number of the connection that speaks for it; an older one is deaf and dumb
 *   2 + row  received    its link's thread             its page cache has the log up to here
 *   2 + row  flushed     its link's thread             its disk has
 *   2 + row  inSync      its link's thread             1: it counts
 *   2 + row  lagMs       its link's thread             how long ago it had all there was then
 *   2 + row  lagKiB      its link's thread             how much it lacks
 *   2 + row  heardAt     its link's thread             when it was last heard from: a clock that all threads share, ms modulo 2^32
 *   2 + row  connected   its link's thread             1: the log flows to it
 *
 * A row is a slave's by its name, whoever connects for it and however often: the opener gives the row out and
 * raises `link`, so a slave counts once. What enough of them have is shared, and not each thread's own: a
 * number that a thread keeps to itself and looks at again after 128 GiB of log could not be compared any
 * more. The opener has both looked at each second, whoever waits for them. Positions are stored before `inSync` is; a link clears `inSync` before it stores one that wraps.
 */

const LINE = 16;
const ROWS_AT = 2 * LINE;

/** Slaves of one master at most. */
export const MAX_REPLICAS = 8;
export const REPLICAS_BYTES = (ROWS_AT + MAX_REPLICAS * LINE) * 4;

export const REPLICAS_WORD = {
  mode: 0,
  rule: 1,
  degrade: 2,
  receivedBy: 3,
  version: 4,
  flushedBy: 5,
  damaged: 6,
  inherits: 7,
  inherited: 8,
  committed: LINE,
  controlSeen: LINE + 1,
  controlApplied: LINE + 2,
} as const;

export const REPLICA_WORD = {
  state: 0,
  link: 1,
  received: 2,
  flushed: 3,
  inSync: 4,
  lagMs: 5,
  lagKiB: 6,
  heardAt: 7,
  connected: 8,
} as const;

/** Every row's bit. */
export const ALL_ROWS = 0xff;

/** {@link REPLICAS_WORD.rule}: in one word, so that nobody sees the rows of one rule and the number of another. */
export function ruleOf(rows: number, required: number): number {
  return (required << 8) | rows;
}

/** {@link REPLICAS_WORD.degrade} */
export const ON_MISSING = { refuse: 0, degrade: 1, degradeByRule: 2 } as const;

/** First word of a row. */
export function replicaRow(row: number): number {
  return ROWS_AT + row * LINE;
}
