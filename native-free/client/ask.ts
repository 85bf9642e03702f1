/** One question to a name server or a broker, on a connection of its own. */
import { clearTimeout, setTimeout } from '../time/index.js';
import {
  errorCodeOfName,
  FRAME_FLAG,
  frameFlags,
  frameOpcode,
  isNameServerMethod,
  isRingMQError,
  OPCODE,
  RingMQError,
} from '../wire/index.js';
import { controlFrame, controlPayload } from './link/control-codec.js';
import { Greeting } from './link/greeting.js';
import type { Link } from './link/link.js';
import type { LinkUser } from './link/link-user.js';
import { webSocketLinks } from './link/websocket-link.js';
import type { TlsOptions } from './types.js';

const TIMEOUT_MS = 5_000;

/**
 * `user`: as whom it is asked, where a broker wants to know. `tls`: for `wss://` addresses. Resolves with the answer; rejects with the other
 * side's error, CONNECT_FAILED or TIMEOUT.
 */
export async function ask(
  url: string,
  method: string,
  params: object,
  timeoutMs = TIMEOUT_MS,
  user: LinkUser | null = null,
  tls?: TlsOptions,
): Promise<unknown> {
  const stop = new AbortController();
  const tooLate = new RingMQError('TIMEOUT', `${url} did not answer within ${timeoutMs / 1_000} s`, {
    details: { url, method },
  });
  const timer = setTimeout(() => stop.abort(tooLate), timeoutMs);
  let link: Link | undefined;
  try {
    await user?.prepare(stop.signal);
    link = await linkTo(url, tls, stop.signal);
    return await answerOf(link, method, params, stop.signal, user);
  } catch (error) {
    throw stop.signal.aborted ? tooLate : error;
  } finally {
    clearTimeout(timer);
    link?.close();
  }
}

async function linkTo(url: string, tls: TlsOptions | undefined, signal: AbortSignal): Promise<Link> {
  try {
    return await webSocketLinks(url, tls)(signal);
  } catch (error) {
    if (isRingMQError(error)) {
      throw error;
    }
    // What the platform says has a code of its own, which tells nobody what to do.
    const why = error instanceof Error ? error.message : String(error);
    throw new RingMQError('CONNECT_FAILED', `${url} could not be reached: ${why}`, {
      cause: error,
      details: { url },
    });
  }
}

function answerOf(
  link: Link,
  method: string,
  params: object,
  signal: AbortSignal,
  user: LinkUser | null,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    link.onClose = (reason) => reject(reason ?? new RingMQError('CONNECTION_LOST'));
    link.onFrame = (frame) => {
      switch (frameOpcode(frame)) {
        case OPCODE.challenge:
          greeting.challenged(frame, reject);
          return;
        case OPCODE.welcome:
          try {
            greeting.welcomed(frame, isNameServerMethod(method));
          } catch (error) {
            reject(error as RingMQError);
            return;
          }
          link.send(controlFrame(OPCODE.request, 1, { method, ...params }));
          return;
        case OPCODE.response:
          if ((frameFlags(frame) & FRAME_FLAG.failed) === 0) {
            resolve(controlPayload(frame));
          } else {
            reject(errorOf(controlPayload(frame)));
          }
          return;
        case OPCODE.error:
          reject(errorOf(controlPayload(frame)));
      }
    };
    const greeting = new Greeting((frame) => link.send(frame), user);
    greeting.hello('ringmq');
  });
}

function errorOf(body: Record<string, unknown>): RingMQError {
  return new RingMQError(errorCodeOfName(String(body['code'])), String(body['message']), {
    details: (body['details'] as Record<string, unknown> | undefined) ?? {},
  });
}
