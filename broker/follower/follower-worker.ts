/** The follower's thread: the connection to the master, and the only writer of this broker's log. */
import { parentPort, workerData } from 'node:worker_threads';
import { AsyncLogFiles } from '../../engine/thread/async-log-files.js';
import { attachThread } from '../../engine/thread/attach-thread.js';
import type { FollowSeat } from '../../engine/thread/follow-seat.js';
import { type Trust, trustOf } from '../../native-free/client/link/platform-node.js';
import {
  clearInterval,
  clearTimeout,
  monotonicMs,
  setInterval,
  setTimeout,
  unref,
} from '../../native-free/time/index.js';
import {
  isRingMQError,
  LOG_FRAME_BYTES,
  LOG_FRAME_HEADER_BYTES,
  REPLICA_SUBPROTOCOL,
  type ReplicaFacts,
  RingMQError,
} from '../../native-free/wire/index.js';
import { linkTlsTo } from '../link-tls.js';
import { CatchUp, type CatchUpEnd, type CatchUpReport } from './catch-up.js';
import type { FollowerOrder, FollowerReport, FollowerWorkerData } from './follower-messages.js';
import { FollowerSession } from './follower-session.js';
import { MasterSocket } from './master-socket.js';

const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 2_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** A link that has followed for so long, or brought something, was a good one. */
const GOOD_MS = 5_000;
const PROGRESS_MS = 1_000;

const port = parentPort;
if (port === null) {
  throw new RingMQError('INTERNAL', 'follower-worker.js runs as a worker only');
}
const data = workerData as FollowerWorkerData;

function say(report: FollowerReport): void {
  port?.postMessage(report);
}

class FollowerThread {
  readonly #thread = attachThread(data.handle, 'ringmq-follower');
  readonly #seat: FollowSeat = this.#thread.follow(() => this.#onTurn());
  readonly #files = new AsyncLogFiles(
    `${data.handle.dir.path}/log`,
    data.handle.segmentBytes,
    this.#thread.logReader,
  );
  #masterUrl = data.masterUrl;
  /** Where the link leads. */
  #linkUrl: string | null = null;
  #socket: MasterSocket | null = null;
  #session: FollowerSession | null = null;
  #retryMs = FIRST_RETRY_MS;
  #retry: NodeJS.Timeout | null = null;
  /** What the last link ended with, until one is good: the same again is tried less and less often, and not told again. */
  #lastLost = '';
  #followedSince = 0;
  #followedFrom = 0;
  #isToldFollowing = false;
  /** The last link; there being none, nothing speaks against the first. */
  #wasGood = true;
  #applied: (() => void) | null = null;
  #isStopped = false;
  #secrets = data.secrets;
  readonly #catchUp = new CatchUp(data.catchUpRateBytes);
  readonly #timer = setInterval(() => this.#tick(), PROGRESS_MS);

  start(): void {
    say({ type: 'facts' });
  }

  onOrder(order: FollowerOrder): void {
    switch (order.type) {
      case 'facts':
        this.#connect(order.facts);
        return;
      case 'applied': {
        const applied = this.#applied;
        this.#applied = null;
        applied?.();
        this.#seat.schedule();
        return;
      }
      case 'master':
        this.#onMaster(order.url);
        return;
      case 'secrets':
        this.#onSecrets(order.secrets);
        return;
      case 'handOver':
        if (this.#session?.handOver(order.offsets) !== true) {
          say({ type: 'taken', position: null });
        }
        return;
      case 'ask':
        if (this.#session?.ask(order.position, order.bytes) !== true) {
          say({ type: 'run', position: order.position, run: null });
        }
        return;
      case 'stop':
        void this.#stop();
    }
  }

  /** A link that stands says more of a master than a name server that does not know it: a name server may have just started. */
  #onMaster(url: string | null): void {
    const before = this.#masterUrl;
    this.#masterUrl = url;
    if (url === before || (this.#socket !== null && (url === null || url === this.#linkUrl))) {
      return;
    }
    this.#retryMs = FIRST_RETRY_MS;
    this.#socket?.terminate();
    if (this.#socket === null) {
      this.#tryAgain(0);
    }
  }

  /** What was proved with one that is taken no more is proved anew, over another connection. */
  #onSecrets(secrets: readonly Uint8Array[]): void {
    this.#secrets = secrets;
    this.#retryMs = FIRST_RETRY_MS;
    if (this.#session?.isProvedBy(secrets) === false) {
      this.#socket?.terminate();
    }
  }

  #connect(facts: ReplicaFacts): void {
    const url = this.#masterUrl;
    if (this.#isStopped || url === null || this.#socket !== null) {
      return;
    }
    if (!mayConnectTo(url)) {
      say({ type: 'lost', code: 'BAD_CONFIG', message: `its master's address is none: ${url}`, url });
      return;
    }
    const trust = this.#trustAt(url);
    if (trust === null) {
      return;
    }
    let why: unknown = null;
    const session = new FollowerSession({
      link: {
        get bufferedBytes() {
          return socket.bufferedBytes;
        },
        send: (frame) => socket.send(frame),
        pause: () => socket.pause(),
        resume: () => socket.resume(),
      },
      log: this.#log(),
      secrets: () => this.#secrets,
      facts,
      catchUpRateBytes: data.catchUpRateBytes,
      now: monotonicMs,
      // It holds up nothing when the slave ends meanwhile.
      later: (run, ms) => unref(setTimeout(run, ms)),
      onFollowing: (master) => {
        say({ type: 'linked' });
        this.#followedSince = monotonicMs();
        this.#followedFrom = this.#seat.end;
        this.#tellFollowing = () => {
          this.#isToldFollowing = true;
          say({ type: 'following', master });
        };
        this.#isToldFollowing = false;
        if (this.#wasGood) {
          this.#tellFollowing();
        }
        this.#tellProgress(this.#catchUp.heard(this.#seat.end, session.behind, this.#followedSince));
      },
      readSound: (position, bytes) => this.#files.readSound(position, bytes, this.#seat.spanBytes),
      onRun: (position, run) => say({ type: 'run', position, run }),
      onTaken: (position) => say({ type: 'taken', position }),
      onCut: (master, state) => {
        this.#isStopped = true;
        say({ type: 'cut', master, state });
        socket.terminate();
      },
    });
    const guarded = (work: () => void): void => {
      try {
        work();
      } catch (error) {
        why = error;
        socket.terminate();
      }
    };
    const socket: MasterSocket = new MasterSocket({
      url,
      trust,
      subprotocol: REPLICA_SUBPROTOCOL,
      handshakeTimeoutMs: CONNECT_TIMEOUT_MS,
      // A new slave does not know the span yet: a batch or pad of the largest there is fits.
      maxMessageBytes: LOG_FRAME_HEADER_BYTES + Math.max(LOG_FRAME_BYTES, facts.spanBytes || 2 ** 26),
      onOpen: () => guarded(() => session.begin()),
      onMessage: (message) => guarded(() => session.onFrame(message)),
      onRead: () => this.#seat.settle(),
      onClose: (end) => this.#closed(socket, why ?? end),
    });
    this.#socket = socket;
    this.#linkUrl = url;
    this.#session = session;
    this.#guard = guarded;
  }

  #guard: (work: () => void) => void = () => {};
  #tellFollowing: () => void = () => {};

  /** The link is of use: not one that ends at the same place of the log each time. */
  #isGood(session: FollowerSession | null): boolean {
    return (
      session?.isFollowing === true &&
      (this.#seat.end > this.#followedFrom || monotonicMs() - this.#followedSince >= GOOD_MS)
    );
  }

  #noteGood(): void {
    this.#retryMs = FIRST_RETRY_MS;
    this.#lastLost = '';
    if (!this.#isToldFollowing) {
      this.#tellFollowing();
    }
  }

  #log(): ConstructorParameters<typeof FollowerSession>[0]['log'] {
    const seat = this.#seat;
    return {
      spanBytes: seat.spanBytes,
      get end() {
        return seat.end;
      },
      get written() {
        return seat.written;
      },
      get flushed() {
        return seat.flushed;
      },
      get epoch() {
        return seat.epoch;
      },
      wantSync: () => seat.wantSync(),
      append: (source, at, bytes) => seat.append(source, at, bytes),
      onCommitted: (position) => seat.commit(position),
      onControl: (batch, position, done) => {
        this.#applied = done;
        say({ type: 'control', batch, position });
      },
    };
  }

  #onTurn(): void {
    const session = this.#session;
    if (session !== null) {
      this.#guard(() => session.onTurn());
    }
  }

  /** undefined: Node's own trust. null: its files cannot be used, and it is tried again. */
  #trustAt(url: string): Trust | undefined | null {
    try {
      const tls = linkTlsTo(url, data.linkTls);
      return tls === undefined ? undefined : trustOf(tls);
    } catch (error) {
      this.#lost(error, url);
      return null;
    }
  }

  #lost(why: unknown, url: string): void {
    const code = isRingMQError(why) ? why.code : 'CONNECTION_LOST';
    const message = why instanceof Error ? why.message : String(why);
    if (message !== this.#lastLost) {
      this.#lastLost = message;
      say({ type: 'lost', code, message, url });
    }
    // Put out by another slave of its name: they take turns slowly.
    this.#tryAgain(code === 'CLOSED' ? MAX_RETRY_MS : this.#retryMs);
    this.#retryMs = Math.min(MAX_RETRY_MS, this.#retryMs * 2);
  }

  #closed(socket: MasterSocket, why: unknown): void {
    if (this.#socket !== socket) {
      return;
    }
    this.#wasGood = this.#isGood(this.#session);
    if (this.#wasGood) {
      this.#noteGood();
    }
    this.#session?.close();
    this.#socket = null;
    this.#session = null;
    say({ type: 'unlinked' });
    this.#tellProgress(this.#catchUp.held(this.#seat.end, monotonicMs()));
    if (this.#isStopped) {
      return;
    }
    this.#lost(why, this.#linkUrl ?? '');
  }

  #tryAgain(ms: number): void {
    if (this.#retry !== null) {
      clearTimeout(this.#retry);
    }
    this.#retry = setTimeout(() => {
      this.#retry = null;
      // What a control batch of the old connection has begun is over before a new one begins.
      if (this.#applied === null) {
        say({ type: 'facts' });
      } else {
        this.#tryAgain(FIRST_RETRY_MS);
      }
    }, ms);
  }

  #tick(): void {
    const session = this.#session;
    if (session === null) {
      return;
    }
    if (session.isSilent) {
      this.#socket?.terminate();
      return;
    }
    if (session.isFollowing) {
      if (this.#isGood(session)) {
        this.#noteGood();
      }
      this.#seat.schedule();
      this.#tellProgress(this.#catchUp.heard(this.#seat.end, session.behind, monotonicMs()));
    }
  }

  #tellProgress(report: CatchUpReport | CatchUpEnd | null): void {
    if (report !== null) {
      say({ type: 'progress', report });
    }
  }

  async #stop(): Promise<void> {
    this.#isStopped = true;
    this.#tellProgress(this.#catchUp.held(this.#seat.end, monotonicMs()));
    clearInterval(this.#timer);
    if (this.#retry !== null) {
      clearTimeout(this.#retry);
    }
    this.#socket?.terminate();
    this.#seat.close();
    await this.#files.close();
    await this.#thread.close();
    say({ type: 'stopped' });
    port?.close();
  }
}

/** A name server may have been told anything, and what is no address ends whoever tries it. */
function mayConnectTo(url: string): boolean {
  return URL.canParse(url) && /^wss?:$/.test(new URL(url).protocol) && new URL(url).hash === '';
}

const follower = new FollowerThread();
port.on('message', (order: FollowerOrder) => follower.onOrder(order));
follower.start();
