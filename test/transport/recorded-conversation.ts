/** A client and a broker that talk, and what each has said, by name. */
import { OPCODE } from '../../native-free/wire/index.js';
import type { Session } from '../../transport/session.js';
import { SessionHost } from '../../transport/session-host.js';
import type { FakeEngine } from './fake-engine.js';
import { FakeSocket, settle } from './fake-socket.js';
import { decodePayload, parseFrame } from './make-batch.js';

export interface Example {
  bytes: Uint8Array;
  /** What the bytes say, for the comment above them. */
  note: string;
}

class Recorder extends FakeSocket {
  readonly raw: Uint8Array[] = [];
  override send(frame: Uint8Array): void {
    if (this.closed === null) {
      this.raw.push(Uint8Array.prototype.slice.call(frame));
    }
    super.send(frame);
  }
}

/** The client's frames are made by hand, the broker's are what a real session sends. */
export class RecordedConversation {
  readonly examples = new Map<string, Example>();
  readonly #engine: FakeEngine;
  readonly #socket = new Recorder();
  readonly #session: Session;

  constructor(engine: FakeEngine) {
    this.#engine = engine;
    this.#session = new SessionHost(engine, { listener: 'uws' }).open(this.#socket);
    this.#socket.handler = this.#session;
  }

  /** A frame that is shown, and not sent. */
  add(name: string, bytes: Uint8Array, note = describe(bytes)): void {
    this.examples.set(name, { bytes, note });
  }

  /** Sends a frame, and records the frames it is answered by. */
  async exchange(name: string, frame: Uint8Array, ...answers: string[]): Promise<void> {
    this.add(name, frame);
    const raw = await this.#said(async () => {
      this.#session.onFrame(frame);
      await settle();
      this.#engine.progress();
      await settle();
    });
    for (const [i, answer] of answers.entries()) {
      const bytes = raw[i];
      if (bytes === undefined) {
        throw new Error(`${name} was not answered by ${answer}`);
      }
      this.add(answer, bytes);
    }
  }

  /** Records the first frame that the broker sends for what happens at it. */
  async hears(name: string, happens: () => unknown): Promise<void> {
    const [frame] = await this.#said(happens);
    this.add(name, frame as Uint8Array);
  }

  async #said(happens: () => unknown): Promise<Uint8Array[]> {
    this.#socket.raw.length = 0;
    await happens();
    return this.#socket.raw;
  }
}

function describe(bytes: Uint8Array): string {
  const frame = parseFrame(bytes);
  const name = Object.entries(OPCODE).find(([, opcode]) => opcode === frame.opcode)?.[0];
  const head = `${name}: flags ${frame.flags}, id ${frame.id}, value ${frame.value}`;
  const isControl =
    frame.payload.length > 0 &&
    ![OPCODE.produce, OPCODE.deliver, OPCODE.ack, OPCODE.skip].includes(frame.opcode as never);
  return isControl ? `${head}, payload ${JSON.stringify(decodePayload(frame))}` : head;
}
