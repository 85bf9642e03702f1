/** What a slave's connection may send its master, and what becomes of what it may not: the connection ends, and nothing has counted. */
import { describe, expect, it } from 'vitest';
import type { EngineThread, ReplicaGreeting } from '../../engine/engine-thread.js';
import { isProof, proofOf } from '../../engine/replica/handshake.js';
import type { Socket } from '../../native-free/listener/types.js';
import {
  ackFrame,
  encodeFacts,
  FRAME,
  makeFrame,
  REPLICA_OPCODE,
  REPLICA_VERSION,
  type ReplicaFacts,
  replicaErrorText,
} from '../../native-free/wire/index.js';
import { ReplicaSession } from '../../transport/replica-session.js';

const SECRET = new TextEncoder().encode('0123456789abcdef');
const FACTS: ReplicaFacts = {
  start: 0,
  end: 0,
  spanBytes: 4096,
  flags: 0,
  brokerId: '0123456789abcdef',
  epoch: 1,
  epochs: [],
  begin: 0,
  committed: 0,
  name: 'a-slave',
  set: 'a',
  cluster: 'c',
};

class Rig {
  readonly sent: Uint8Array[] = [];
  /** Acks that reached the log's side. */
  readonly acks: number[] = [];
  readonly handedOver: Uint8Array[] = [];
  closed: string | null = null;
  readonly session: ReplicaSession;
  readonly slaveNonce = new Uint8Array(32).fill(4);

  constructor() {
    const socket: Socket = {
      remote: '10.0.0.9',
      bufferedBytes: 0,
      send: (frame) => {
        this.sent.push(frame.slice());
      },
      cork: (fn) => fn(),
      close: (_code, reason) => {
        this.closed = reason;
      },
      cut: () => {
        this.closed = 'cut';
      },
    };
    const replicas: EngineThread['replicas'] = {
      prove: async (slaveNonce, masterNonce, proof) =>
        isProof(proof, proofOf(SECRET, 'slave', slaveNonce, masterNonce))
          ? proofOf(SECRET, 'master', slaveNonce, masterNonce)
          : null,
      greet: async (): Promise<ReplicaGreeting> => ({ facts: FACTS, row: 0, link: 1, state: null }),
      mayRead: false,
      holders: async () => [],
      takeOver: async (_row, offsets) => {
        this.handedOver.push(offsets);
        return 4096;
      },
      feed: () => ({
        onAck: (received) => {
          if (received > 0) {
            return 'more than was sent';
          }
          this.acks.push(received);
          return null;
        },
        onDrain: () => {},
        onRepair: () => 'nobody asked',
        close: () => {},
      }),
    };
    this.session = new ReplicaSession(
      {
        id: 'test-1-1',
        engine: { replicas, access: { version: 0 } } as EngineThread,
        trustsLoopback: true,
        handshakeTimeoutMs: 3_600_000,
        silenceMs: 3_600_000,
        onClosed: () => {},
        onDefect: (what) => {
          throw new Error(what);
        },
      },
      socket,
    );
  }

  async frame(frame: Uint8Array): Promise<void> {
    this.session.onFrame(frame);
    for (let i = 0; i < 6; i++) {
      await Promise.resolve();
    }
  }

  get last(): Uint8Array {
    return this.sent.at(-1) as Uint8Array;
  }

  async nonce(): Promise<void> {
    await this.frame(
      makeFrame(REPLICA_OPCODE.nonce, 0, { value: REPLICA_VERSION, payload: this.slaveNonce }),
    );
  }

  get proof(): Uint8Array {
    const challenge = this.sent[0] as Uint8Array;
    const payload = proofOf(SECRET, 'slave', this.slaveNonce, challenge.slice(16));
    return makeFrame(REPLICA_OPCODE.proof, 0, { payload });
  }

  async toLog(): Promise<void> {
    await this.nonce();
    await this.frame(this.proof);
    await this.frame(encodeFacts(REPLICA_OPCODE.hello, FACTS));
    await this.frame(makeFrame(REPLICA_OPCODE.start, 0, { value: 0 }));
  }
}

describe('a slave’s connection', () => {
  it('comes to the log by nonce, proof, hello and start', async () => {
    const rig = new Rig();
    await rig.toLog();
    await rig.frame(ackFrame(0, 0));
    expect(rig.sent.map((frame) => frame[FRAME.opcode])).toEqual([
      REPLICA_OPCODE.challenge,
      REPLICA_OPCODE.proof,
      REPLICA_OPCODE.welcome,
    ]);
    expect(rig.acks).toEqual([0]);
    expect(rig.closed).toBeNull();
  });

  it.each<[string, Uint8Array]>([
    ['nothing at all', new Uint8Array(0)],
    ['a few bytes', new Uint8Array(7)],
    ['an opcode there is none of', makeFrame(99, 0)],
    ['an ack, before anything', ackFrame(0, 0)],
    ['a hello, before the proof', encodeFacts(REPLICA_OPCODE.hello, FACTS)],
    [
      'a nonce that is too short',
      makeFrame(REPLICA_OPCODE.nonce, 0, { value: 1, payload: new Uint8Array(31) }),
    ],
    ['another version', makeFrame(REPLICA_OPCODE.nonce, 0, { value: 2, payload: new Uint8Array(32) })],
    ['more than 4 KiB', new Uint8Array(4097).fill(1)],
  ])('ends with %s', async (_what, frame) => {
    const rig = new Rig();
    await rig.frame(frame);
    expect(rig.last[FRAME.opcode]).toBe(REPLICA_OPCODE.error);
    expect(rig.closed).not.toBeNull();
    // What comes behind it is not heard.
    await rig.toLog();
    expect(rig.sent).toHaveLength(1);
    expect(rig.acks).toEqual([]);
  });

  it('ends with a proof that was right on another connection', async () => {
    const before = new Rig();
    await before.nonce();
    const proof = before.proof;
    const rig = new Rig();
    await rig.nonce();
    await rig.frame(proof);
    expect(rig.closed).toBe('NOT_AUTHENTICATED');
    expect(replicaErrorText(rig.last)).toContain('secret');
  });

  it('ends with a hello that is cut short, and with a start elsewhere than it was told', async () => {
    const cut = new Rig();
    await cut.nonce();
    await cut.frame(cut.proof);
    await cut.frame(encodeFacts(REPLICA_OPCODE.hello, FACTS).slice(0, -1));
    expect(cut.closed).toBe('BAD_FRAME');
    const elsewhere = new Rig();
    await elsewhere.nonce();
    await elsewhere.frame(elsewhere.proof);
    await elsewhere.frame(encodeFacts(REPLICA_OPCODE.hello, FACTS));
    await elsewhere.frame(makeFrame(REPLICA_OPCODE.start, 0, { value: 64 }));
    expect(elsewhere.closed).toBe('BAD_ARGUMENT');
  });

  it('hands offsets over one frame at a time, and is told where the log has them', async () => {
    const rig = new Rig();
    const offsets = (id: number) =>
      makeFrame(REPLICA_OPCODE.offsets, id, { payload: new Uint8Array([0x90]) });
    await rig.nonce();
    await rig.frame(rig.proof);
    await rig.frame(offsets(1));
    expect(rig.closed, 'before the log flows').toBe('BAD_FRAME');
    const other = new Rig();
    await other.toLog();
    await other.frame(offsets(5));
    expect(other.handedOver).toEqual([new Uint8Array([0x90])]);
    expect(other.last).toEqual(makeFrame(REPLICA_OPCODE.taken, 5, { value: 4096 }));
    other.session.onFrame(offsets(6));
    other.session.onFrame(offsets(7));
    expect(other.closed, 'two at once').toBe('BAD_FRAME');
  });

  it('ends with an ack of what it was never sent, which does not count', async () => {
    const rig = new Rig();
    await rig.toLog();
    await rig.frame(ackFrame(64, 0));
    expect(rig.closed).toBe('BAD_FRAME');
    expect(rig.acks).toEqual([]);
  });
});
