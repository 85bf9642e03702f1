/** Why connections are ended, in the words of every kind of session, and how. */
import type { Socket } from '../native-free/listener/types.js';
import { closeCodeOf, isRingMQError, RingMQError } from '../native-free/wire/index.js';
import { errorFrame } from './error-body.js';
import type { SessionOptions } from './session-options.js';
import type { CutReason } from './session-watch.js';

export function textError(): RingMQError {
  return new RingMQError('BAD_FRAME', 'text messages have no meaning here; frames are binary');
}

/** The listener counted too many of something. */
export function excessError(what: string): RingMQError {
  return new RingMQError('TOO_MANY_REQUESTS', `more than a connection may send: ${what}`);
}

export function cutError(why: CutReason, unreadBytes: number, options: SessionOptions): RingMQError {
  if (why === 'unended message') {
    const what = 'a message has not ended, or a ping was not answered, in time';
    return new RingMQError('TOO_MANY_REQUESTS', what, { details: { limitMs: options.messageTimeoutMs } });
  }
  const what = `${unreadBytes} bytes were not read, the most of all connections, which leave too much unread together`;
  const details = { limit: options.maxUnreadBytesInAll, value: unreadBytes };
  return new RingMQError('TOO_MANY_REQUESTS', what, { details });
}

/** Its answers pile up in this process. */
export function unreadError(unreadBytes: number, limit: number): RingMQError {
  return new RingMQError('TOO_MANY_REQUESTS', `${unreadBytes} bytes of answers were not read`, {
    details: { limit, value: unreadBytes },
  });
}

/** Says the error and closes. `isCut`: without the ceremony of a close, which keeps what it holds until the peer takes part in it. */
export function endConnection(socket: Socket, error: unknown, isCut: boolean): void {
  const code = isRingMQError(error) ? error.code : 'INTERNAL';
  socket.send(errorFrame(error));
  if (isCut) {
    socket.cut();
  } else {
    socket.close(closeCodeOf(code), code);
  }
}
