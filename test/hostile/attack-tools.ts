/** What attacks are made of. */
import { setTimeout as sleep } from 'node:timers/promises';
import { helloFrame } from '../transport/make-batch.js';
import { RawPeer } from './raw-peer.js';

export interface AttackContext {
  readonly port: number;
  /** True until the time is over. */
  goesOn(): boolean;
}

export type Attack = (context: AttackContext) => Promise<void>;

/** A topic of 16,384 queues, made before any attack: the most that one request can ask for. */
export const WIDE_TOPIC = 'wide';

/** The topic of the client that means well. */
export const HEALTHY_TOPIC = 'healthy';

/** A connection that has said hello. */
export async function welcomed(port: number, reads = true): Promise<RawPeer> {
  const peer = await RawPeer.open(port);
  peer.keepsNothing = true;
  peer.send(helloFrame());
  if (!reads) {
    peer.stopReading();
  }
  return peer;
}

/** Writes the same bytes over and over, over `count` connections; one that was ended is followed by another. */
export function flood(
  bytes: Uint8Array,
  options: { connections?: number; reads?: boolean; hello?: boolean } = {},
): Attack {
  const { connections = 2, reads = true, hello = true } = options;
  return async (context) => {
    const one = async (): Promise<void> => {
      while (context.goesOn()) {
        const peer = hello ? await welcomed(context.port, reads) : await RawPeer.open(context.port);
        if (!reads) {
          peer.stopReading();
        }
        while (context.goesOn() && !peer.isClosed) {
          if (peer.write(bytes)) {
            await new Promise((resolve) => setImmediate(resolve));
          } else {
            await Promise.race([peer.writable(), sleep(100)]);
          }
        }
        peer.destroy();
        await sleep(10);
      }
    };
    await Promise.all(Array.from({ length: connections }, () => one().catch(() => {})));
  };
}

export function repeated(frame: Uint8Array, times: number): Buffer {
  return Buffer.concat(Array.from({ length: times }, () => frame));
}
