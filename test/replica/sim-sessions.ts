/** The master's end of the connections of the simulation: a session for each, and what it sends from. */
import type { EngineThread, ReplicaDoor } from '../../engine/engine-thread.js';
import type { ReplicaDesk } from '../../engine/replica/replica-desk.js';
import { ReplicaRow } from '../../engine/replica/replica-row.js';
import { ReplicateStage } from '../../engine/replica/replicate-stage.js';
import type { ReplicaMarks } from '../../engine/term/replica-marks.js';
import type { Socket } from '../../native-free/listener/types.js';
import { ReplicaSession } from '../../transport/replica-session.js';
import type { SimMaster } from './sim-log.js';
import type { Wire } from './sim-slave.js';
import { type Given, simStage } from './sim-stage.js';

/** Of the schedule, and who is the master just now. */
export interface Reign extends Given {
  master(): SimMaster;
  marks(): ReplicaMarks;
  desk(): ReplicaDesk;
  /** What may not happen has. */
  fail(problem: string): void;
}

export class MasterSessions {
  readonly #reign: Reign;
  readonly #sessions = new Map<ReplicaSession, { wire: Wire; stage: ReplicateStage | null }>();

  constructor(reign: Reign) {
    this.#reign = reign;
  }

  /** A slave has connected. */
  open(wire: Wire): void {
    const session: ReplicaSession = new ReplicaSession(
      {
        id: 'test-1-1',
        engine: { replicas: this.#door(() => session), access: { version: 0 } } as unknown as EngineThread,
        trustsLoopback: true,
        handshakeTimeoutMs: 3_600_000,
        silenceMs: 3_600_000,
        onClosed: (closed) => this.#sessions.delete(closed),
        onDefect: (what, error) => this.#reign.fail(`${what}: ${String(error)}`),
      },
      socketOver(wire),
    );
    this.#sessions.set(session, { wire, stage: null });
  }

  /** Some of what slaves have sent arrives, and more is sent to them. */
  turn(): void {
    const { random } = this.#reign;
    for (const [session, { wire, stage }] of [...this.#sessions]) {
      if (wire.isCut) {
        session.onClose();
        continue;
      }
      for (let i = random(4); i > 0 && wire.toMaster.length > 0; i--) {
        session.onFrame(wire.toMaster.shift() as Uint8Array);
      }
      stage?.step();
    }
  }

  /** The master is gone. */
  end(): void {
    for (const [session, { wire }] of [...this.#sessions]) {
      wire.isCut = true;
      session.onClose();
    }
  }

  #door(session: () => ReplicaSession): ReplicaDoor {
    const reign = this.#reign;
    return {
      prove: async (slaveNonce, masterNonce, proof, remote) =>
        reign.desk().prove(slaveNonce, masterNonce, proof, remote),
      greet: async (slave) => reign.desk().greet(slave),
      mayRead: false,
      holders: async () => [],
      takeOver: () => Promise.reject(new Error('nobody commits here')),
      feed: (greeting, position, link) => {
        const limits = { maxLagBytes: 64 * 1024, maxLagMs: 2_000 };
        const row = new ReplicaRow(reign.marks(), greeting.row, greeting.link, limits, (bytes) => bytes / 64);
        const stage = new ReplicateStage(simStage(reign.master(), row, link, reign), position);
        const entry = this.#sessions.get(session());
        if (entry !== undefined) {
          entry.stage = stage;
        }
        return {
          onAck: (received, flushed) => stage.onAck(received, flushed),
          onDrain: () => {},
          onRepair: () => null,
          close: () => {
            stage.close();
            row.gone();
          },
        };
      },
    };
  }
}

function socketOver(wire: Wire): Socket {
  const cut = (): void => {
    wire.isCut = true;
  };
  return {
    remote: '10.0.0.9',
    bufferedBytes: 0,
    send: (frame) => {
      wire.toSlave.push(frame.slice());
    },
    cork: (fn) => fn(),
    close: cut,
    cut,
  };
}
