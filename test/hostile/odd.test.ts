/**
 * Whatever is said over a connection, it goes on and answers, or it is ended with a code that says why; and
 * what is broken is the other side, never the broker.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  ERRORS,
  FRAME_HEADER_BYTES,
  makeFrame,
  OPCODE,
  REPLICA_OPCODE,
} from '../../native-free/wire/index.js';
import { decodePayload, parseFrame } from '../transport/make-batch.js';
import { BrokerProcess } from './broker-process.js';
import { KINDS } from './kinds.js';
import { ODD_WORDS, say } from './odd-attacks.js';
import { type RawPeer, WS_OPCODE } from './raw-peer.js';
import { prepare } from './siege.js';

const PONG_ID = 4_321;
/** What may end a connection besides a code of our own: the close codes of RFC 6455 that say whose fault it was. */
const PEERS_FAULT = new Set([1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009]);

describe.each(KINDS)('over %s', (kind) => {
  let broker: BrokerProcess;

  beforeAll(async () => {
    broker = await BrokerProcess.start(kind, ['--message-timeout', '500ms']);
    await prepare(broker);
  });
  afterAll(() => broker.stop());

  test.each(Object.entries(ODD_WORDS))('%s', async (_name, words) => {
    // Of the long lists not the same ones over each listener.
    const step = words.pieces.length < 40 ? 1 : KINDS.length;
    const from = step === 1 ? 0 : KINDS.indexOf(kind);
    const chosen = words.pieces.flatMap((_, at) => (at % step === from ? [at] : []));
    await Promise.all(
      chosen.map(async (at) => {
        const peer = await say(words, at, broker.port);
        peer.send(makeFrame(OPCODE.ping, PONG_ID));
        await peer.until(() => peer.isClosed || hasAnswered(peer) || isToldToClose(peer));
        expect({ at, ...outcomeOf(peer) }).toMatchObject({ at, isFine: true });
        peer.destroy();
      }),
    );
    expect(broker.isAlive).toBe(true);
    expect(broker.log).not.toMatch(/INTERNAL|failed:|Error:/);
  });
});

function hasAnswered(peer: RawPeer): boolean {
  return peer.heard.some(({ payload }) => {
    return payload[0] === OPCODE.pong && parseFrame(payload).id === PONG_ID;
  });
}

function isToldToClose(peer: RawPeer): boolean {
  return peer.heard.some(({ opcode }) => opcode === WS_OPCODE.close);
}

/** Why it has ended, or that it goes on. */
function outcomeOf(peer: RawPeer): { isFine: boolean; what: unknown } {
  if (hasAnswered(peer)) {
    return { isFine: true, what: 'goes on' };
  }
  for (const { opcode, payload } of peer.heard) {
    if (opcode === WS_OPCODE.binary && payload[0] === OPCODE.error) {
      const code = String(decodePayload(parseFrame(payload))['code']);
      return { isFine: code in ERRORS && code !== 'INTERNAL', what: code };
    }
    if (opcode === WS_OPCODE.binary && payload[0] === REPLICA_OPCODE.error) {
      return { isFine: payload.length > FRAME_HEADER_BYTES, what: payload.toString('latin1') };
    }
    if (opcode === WS_OPCODE.close) {
      const code = payload.length < 2 ? 1005 : payload.readUInt16BE(0);
      return { isFine: PEERS_FAULT.has(code), what: code };
    }
  }
  // Cut off in the midst of what RFC 6455 forbids.
  return { isFine: peer.isClosed, what: 'cut off' };
}
