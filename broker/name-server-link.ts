/**
 * A broker's connection to one name server. It mends itself, and a name server that does not answer holds up
 * nobody: whatever was asked of it ends with an error, and the next try waits, longer each time.
 */
import type { ClusterSecrets } from '../engine/access/cluster-secrets.js';
import type { LinkTlsOptions } from '../engine/options.js';
import {
  controlFrame,
  controlPayload,
  Greeting,
  type Link,
  webSocketLinks,
} from '../native-free/client/internal.js';
import { clearInterval, clearTimeout, setInterval, setTimeout, unref } from '../native-free/time/index.js';
import {
  errorCodeOfName,
  FRAME_FLAG,
  FRAME_HEADER_BYTES,
  frameFlags,
  frameId,
  frameOpcode,
  isRingMQError,
  makeFrame,
  type NameServerMethod,
  type NameServerMethods,
  OPCODE,
  PROTOCOL_VERSION,
  RingMQError,
  type Welcome,
} from '../native-free/wire/index.js';
import { brokerUser } from './broker-login.js';
import { linkTlsTo } from './link-tls.js';

/** As whom a broker comes, and whom it trusts. */
export interface LinkMeans {
  /** The cluster's; null: there are none, and nobody to log in as. */
  readonly secrets: ClusterSecrets | null;
  readonly linkTls?: LinkTlsOptions | undefined;
}

export interface NameServerLinkHooks {
  /** It stands, and has said what it is. */
  onOpen(welcome: Welcome): void;
  onEvent(event: Record<string, unknown>): void;
  /** It stood, or might have: why it does not. */
  onLost(error: RingMQError): void;
}

export interface NameServerLinkTimes {
  /** For a connection with its welcome, and for each answer. */
  answerMs: number;
  /** Between two tries at least, doubled with each one up to the most. */
  minWaitMs: number;
  maxWaitMs: number;
  /** After an error that will be the same the next time. */
  refusedWaitMs: number;
  /** After so long without a frame it is asked for one; after twice that it is given up. */
  pulseMs: number;
}

export const NAME_SERVER_LINK_TIMES: NameServerLinkTimes = {
  answerMs: 10_000,
  minWaitMs: 100,
  maxWaitMs: 2_000,
  refusedWaitMs: 10_000,
  pulseMs: 5_000,
};

interface Waiting {
  resolve(result: Record<string, unknown>): void;
  reject(error: RingMQError): void;
}

/** Errors that a person has to do something about. */
const LASTING: ReadonlySet<string> = new Set([
  'BAD_ARGUMENT',
  'BAD_CONFIG',
  'BAD_FRAME',
  'BAD_REQUEST',
  'BROKER_BUSY',
  'NOT_AUTHENTICATED',
  'UNSUPPORTED_VERSION',
]);

export class NameServerLink {
  readonly url: string;
  readonly #clientName: string;
  readonly #hooks: NameServerLinkHooks;
  readonly #times: NameServerLinkTimes;
  readonly #secrets: ClusterSecrets | null;
  readonly #linkTls: LinkTlsOptions | undefined;
  #greeting: Greeting | null = null;
  readonly #ended = new AbortController();
  readonly #waiting = new Map<number, Waiting>();
  #link: Link | null = null;
  #isOpen = false;
  #nextId = 1;
  #tries = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #pulse: ReturnType<typeof setInterval> | undefined;
  #wasHeard = false;
  #wasAsked = false;
  /** What it said before it closed. */
  #said: RingMQError | null = null;

  constructor(
    url: string,
    clientName: string,
    hooks: NameServerLinkHooks,
    means: LinkMeans,
    times: Partial<NameServerLinkTimes> = {},
  ) {
    this.#linkTls = means.linkTls;
    this.#secrets = means.secrets;
    this.url = url;
    this.#clientName = clientName;
    this.#hooks = hooks;
    this.#times = { ...NAME_SERVER_LINK_TIMES, ...times };
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  open(): void {
    void this.#try();
  }

  /** What was asked of it has worked: the next trouble is a new one. */
  settled(): void {
    this.#tries = 0;
  }

  /** Gives the connection up, and tries again. */
  drop(error: RingMQError): void {
    this.#lost(error);
  }

  close(): void {
    const error = new RingMQError('CLOSED', 'the broker has ended its connection to the name server');
    this.#ended.abort(error);
    clearTimeout(this.#retry);
    this.#end(error);
  }

  /** Rejects with what the name server says, with CONNECTION_LOST, or TIMEOUT; after that one the connection is made anew. */
  ask<M extends NameServerMethod>(
    method: M,
    params: NameServerMethods[M]['params'],
  ): Promise<NameServerMethods[M]['result']> {
    return new Promise((resolve, reject) => {
      const link = this.#link;
      if (link === null || !this.#isOpen) {
        reject(new RingMQError('CONNECTION_LOST'));
        return;
      }
      const id = this.#nextId;
      this.#nextId = (id % 0xffff_ffff) + 1;
      const timer = setTimeout(() => {
        this.#lost(new RingMQError('TIMEOUT', `no answer to ${method} within ${this.#times.answerMs} ms`));
      }, this.#times.answerMs);
      unref(timer);
      const settle = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(id);
      };
      this.#waiting.set(id, {
        resolve: (result) => {
          settle();
          resolve(result as unknown as NameServerMethods[M]['result']);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      });
      link.send(controlFrame(OPCODE.request, id, { method, ...params }));
    });
  }

  async #try(): Promise<void> {
    const stop = new AbortController();
    const giveUp = (): void => stop.abort(this.#ended.signal.reason);
    this.#ended.signal.addEventListener('abort', giveUp, { once: true });
    const timer = setTimeout(
      () => stop.abort(new RingMQError('TIMEOUT', `${this.url} does not answer`)),
      this.#times.answerMs,
    );
    unref(timer);
    try {
      this.#ended.signal.throwIfAborted();
      const link = await webSocketLinks(this.url, linkTlsTo(this.url, this.#linkTls))(stop.signal);
      if (stop.signal.aborted) {
        link.close();
        throw stop.signal.reason;
      }
      this.#greet(link, stop.signal);
    } catch (error) {
      this.#lost(asError(error, this.url));
    } finally {
      this.#ended.signal.removeEventListener('abort', giveUp);
      // Until the welcome has come: `#greet` looks at the signal.
      if (this.#link === null) {
        clearTimeout(timer);
      }
    }
  }

  #greet(link: Link, signal: AbortSignal): void {
    this.#link = link;
    this.#said = null;
    const tooLate = (): void => {
      if (this.#link === link && !this.#isOpen) {
        this.#lost(asError(signal.reason, this.url));
      }
    };
    signal.addEventListener('abort', tooLate, { once: true });
    link.onFrame = (frame) => {
      if (this.#link === link) {
        this.#onFrame(frame);
      }
    };
    link.onClose = () => {
      if (this.#link === link) {
        this.#lost(
          this.#said ?? new RingMQError('CONNECTION_LOST', `the connection to ${this.url} was lost`),
        );
      }
    };
    // Where name servers ask for no login, brokers need none.
    const user = brokerUser(this.#secrets, false);
    this.#greeting = new Greeting((frame) => link.send(frame), user);
    this.#greeting.hello(this.#clientName);
  }

  #onFrame(frame: Uint8Array): void {
    this.#wasHeard = true;
    try {
      this.#dispatch(frame);
    } catch (error) {
      this.#lost(asError(error, this.url));
    }
  }

  #dispatch(frame: Uint8Array): void {
    if (frame.length < FRAME_HEADER_BYTES) {
      throw new RingMQError('BAD_FRAME', `${this.url} sent a frame without a whole header`);
    }
    switch (frameOpcode(frame)) {
      case OPCODE.challenge:
        this.#greeting?.challenged(frame, (error) => this.#lost(error));
        break;
      case OPCODE.welcome:
        this.#onWelcome(this.#greeting?.welcomed(frame) as Welcome);
        break;
      case OPCODE.response:
        this.#onResponse(frame);
        break;
      case OPCODE.event:
        this.#hooks.onEvent(controlPayload(frame));
        break;
      case OPCODE.error:
        this.#said = errorIn(frame);
        break;
      case OPCODE.ping:
        this.#link?.send(makeFrame(OPCODE.pong, frameId(frame)));
        break;
      default:
    }
  }

  #onWelcome(welcome: Welcome): void {
    if (this.#isOpen || welcome.role !== 'nameserver' || welcome.version !== PROTOCOL_VERSION) {
      throw noNameServer(this.url, welcome);
    }
    this.#isOpen = true;
    this.#wasAsked = false;
    this.#pulse = setInterval(() => this.#feelPulse(), this.#times.pulseMs);
    unref(this.#pulse);
    this.#hooks.onOpen(welcome);
  }

  #onResponse(frame: Uint8Array): void {
    const waiting = this.#waiting.get(frameId(frame));
    if (waiting === undefined) {
      return;
    }
    if ((frameFlags(frame) & FRAME_FLAG.failed) === 0) {
      waiting.resolve(controlPayload(frame));
    } else {
      waiting.reject(errorIn(frame));
    }
  }

  /** A connection whose other end has gone without a word looks as it did. */
  #feelPulse(): void {
    if (this.#wasHeard) {
      this.#wasHeard = false;
      this.#wasAsked = false;
    } else if (this.#wasAsked) {
      this.#lost(new RingMQError('CONNECTION_LOST', `${this.url} has fallen silent`));
    } else {
      this.#wasAsked = true;
      this.#link?.send(makeFrame(OPCODE.ping, 0));
    }
  }

  #lost(error: RingMQError): void {
    this.#end(error);
    if (this.#ended.signal.aborted) {
      return;
    }
    this.#hooks.onLost(error);
    if (this.#ended.signal.aborted) {
      return;
    }
    const { minWaitMs, maxWaitMs, refusedWaitMs } = this.#times;
    const ceilingMs = LASTING.has(error.code)
      ? refusedWaitMs
      : Math.min(maxWaitMs, minWaitMs * 2 ** Math.min(this.#tries++, 16));
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void this.#try(), ceilingMs * (0.5 + 0.5 * Math.random()));
    unref(this.#retry);
  }

  #end(error: RingMQError): void {
    const link = this.#link;
    this.#link = null;
    this.#isOpen = false;
    clearInterval(this.#pulse);
    link?.close();
    for (const waiting of [...this.#waiting.values()]) {
      waiting.reject(error);
    }
  }
}

function noNameServer(url: string, { role, brokerName, version }: Welcome): RingMQError {
  const why =
    role === 'nameserver'
      ? `${url} speaks version ${version} of the protocol, and this broker ${PROTOCOL_VERSION}`
      : `${url} is no name server but the broker '${brokerName}': give the address of a \`ringmq nameserver\`, or, of a slave that has none, its master's with --master`;
  return new RingMQError('BAD_CONFIG', why);
}

function errorIn(frame: Uint8Array): RingMQError {
  const { code, message, details } = controlPayload(frame);
  return new RingMQError(errorCodeOfName(String(code)), String(message), {
    details: typeof details === 'object' && details !== null ? (details as Record<string, unknown>) : {},
  });
}

function asError(error: unknown, url: string): RingMQError {
  return isRingMQError(error)
    ? error
    : new RingMQError(
        'CONNECT_FAILED',
        `${url} cannot be reached: ${(error as Error)?.message ?? String(error)}`,
        {
          cause: error,
        },
      );
}
