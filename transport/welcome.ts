/** What a client is told that may go on: of the broker, and of its own login. */
import type { EngineThread, LoginAnswer } from '../engine/engine-thread.js';
import {
  BATCH_HEADER_BYTES,
  FRAME_HEADER_BYTES,
  MAX_BODY_BYTES,
  makeFrame,
  OPCODE,
  PROTOCOL_VERSION,
  RECORD_HEADER_BYTES,
  type Welcome,
} from '../native-free/wire/index.js';
import { encodeControl } from './control-payload.js';
import type { SessionOptions } from './session-options.js';

/** `credit`: how much it may produce. `login`: undefined where nobody logs in. */
export function welcomeFrame(
  engine: EngineThread,
  options: SessionOptions,
  credit: number,
  login: LoginAnswer | undefined,
): Uint8Array {
  const { brokerId, openingId, brokerName, flush, maxBatchBytes } = engine.info;
  const batchBytes = Math.min(maxBatchBytes, options.maxFrameBytes - FRAME_HEADER_BYTES);
  const { role, cluster, brokerSet, epoch, master } = engine.place;
  const welcome: Welcome = {
    version: PROTOCOL_VERSION,
    // Those that both sides have: there are none yet.
    features: [],
    brokerId,
    openingId,
    brokerName,
    flush,
    listener: options.listener,
    limits: {
      bodyBytes: Math.min(MAX_BODY_BYTES, batchBytes - BATCH_HEADER_BYTES - RECORD_HEADER_BYTES),
      batchBytes,
      frameBytes: options.maxFrameBytes,
    },
    role,
    cluster,
    brokerSet,
    epoch,
    master,
    ...(login === undefined ? {} : welcomeOf(login)),
  };
  return makeFrame(OPCODE.welcome, 0, { value: credit, payload: encodeControl(welcome) });
}

/** What a login adds. */
function welcomeOf({ principal, serverSignature, expires }: LoginAnswer): Partial<Welcome> {
  return {
    user: principal.user,
    ...(serverSignature === undefined ? {} : { serverSignature }),
    ...(expires === undefined ? {} : { expiresInMs: expires.inMs }),
  };
}
