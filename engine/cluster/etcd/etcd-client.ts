/**
 * A thin client of etcd (version 3 over gRPC): reads, writes, transactions, leases. Every call has a
 * deadline. A member that does not answer in time loses its connection, as one that is half open never comes
 * back by itself, and the next call goes to the next member.
 */
import { clearTimeout, monotonicMs, setTimeout } from '../../../native-free/time/index.js';
import { EtcdAccess, type EtcdAccessFiles, type EtcdAccessOptions } from './etcd-access.js';
import { EtcdError, GRPC_STATUS, isOtherMemberWorthTrying } from './etcd-error.js';
import { EtcdLogin } from './etcd-login.js';
import type { EtcdMethod } from './etcd-proto.js';
import type { GrpcCall, GrpcChannel, GrpcFailure, GrpcMetadata, GrpcStream } from './grpc-types.js';
import { type EtcdParts, loadEtcdParts } from './load-grpc.js';

export interface EtcdClientOptions extends EtcdAccessOptions {
  /** Members of etcd, `host:port` each. */
  endpoints: readonly string[];
  /** Default: false. */
  tls?: boolean;
  /** Whom it trusts under TLS, and as whom it comes. Default: those that Node trusts, and as nobody. */
  access?: EtcdAccessFiles | undefined;
  /** How long nobody logs in again after a login that etcd refused, unless the files have changed, in ms. Default 5000. */
  loginRestMs?: number;
  /** One try at one member, in ms. Default 1000. */
  callTimeoutMs?: number;
}

export interface EtcdKeyValue {
  key: string;
  value: string;
  createRevision: number;
  modRevision: number;
  /** Decimal text; `0`: none. */
  lease: string;
}

/** A condition of a transaction: the key was made, or changed last, at this revision; 0: it is not there. */
export interface EtcdCompare {
  key: string;
  target: 'CREATE' | 'MOD';
  revision: number;
}

export type EtcdChange =
  | { put: { key: string; value: string; lease?: string } }
  | { remove: { key: string } };

export interface KeepAlive {
  /** Seconds that the lease has from when etcd took the request; 0: it has ended. */
  ttlSeconds: number;
  /** By this machine's monotonic clock, before the request was sent: the lease does not end sooner than this and its time. */
  sentAtMs: number;
}

/** A stream of changes, and how to say that its member of etcd does not answer. */
export interface WatchStream {
  stream: GrpcStream;
  suspect: () => void;
}

const DEFAULT_CALL_TIMEOUT_MS = 1_000;
/** Answers are a few keys of one broker set each. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

export class EtcdClient {
  readonly #parts: EtcdParts;
  readonly #endpoints: readonly string[];
  readonly #access: EtcdAccess;
  readonly #login: EtcdLogin;
  readonly #callTimeoutMs: number;
  /** A connection to one member, made by the first call to it. */
  readonly #channels = new Map<number, GrpcChannel>();
  #current = 0;
  #isClosed = false;

  private constructor(parts: EtcdParts, options: EtcdClientOptions) {
    this.#parts = parts;
    this.#endpoints = options.endpoints;
    this.#access = new EtcdAccess(options.access ?? {}, options.tls ?? false, options);
    this.#login = new EtcdLogin(
      this.#access,
      {
        Metadata: parts.grpc.Metadata,
        authenticate: (user, metadata) => this.#send('authenticate', user, metadata),
        leaveAll: () => this.#leaveAll(),
      },
      options.loginRestMs,
    );
    this.#callTimeoutMs = options.callTimeoutMs ?? DEFAULT_CALL_TIMEOUT_MS;
  }

  /** Connects to nothing yet. Throws BAD_CONFIG where the packages of gRPC are missing, or a file cannot be used. */
  static async open(options: EtcdClientOptions): Promise<EtcdClient> {
    return new EtcdClient(await loadEtcdParts(), options);
  }

  /** The member that the next call goes to. */
  get endpoint(): string {
    return this.#endpoints[this.#current] as string;
  }

  /** All keys that begin with `prefix`, as of one revision that a majority of etcd has agreed on. */
  async readPrefix(prefix: string): Promise<{ revision: number; keys: EtcdKeyValue[] }> {
    const answer = await this.#repeat('range', {
      key: Buffer.from(prefix),
      range_end: prefixEnd(prefix),
    });
    return { revision: revisionOf(answer), keys: (answer['kvs'] as RawKeyValue[]).map(keyValueOf) };
  }

  async put(key: string, value: string, lease = '0'): Promise<void> {
    await this.#once('put', { key: Buffer.from(key), value: Buffer.from(value), lease });
  }

  /** Makes all changes if all conditions hold, else none. Sent once: see {@link EtcdError.isUnknown}. */
  async transact(compare: readonly EtcdCompare[], changes: readonly EtcdChange[]): Promise<boolean> {
    const answer = await this.#once('txn', {
      compare: compare.map(({ key, target, revision }) => ({
        result: 'EQUAL',
        target,
        key: Buffer.from(key),
        ...(target === 'CREATE' ? { create_revision: revision } : { mod_revision: revision }),
      })),
      success: changes.map((change) =>
        'put' in change
          ? {
              request_put: {
                key: Buffer.from(change.put.key),
                value: Buffer.from(change.put.value),
                lease: change.put.lease ?? '0',
              },
            }
          : { request_delete_range: { key: Buffer.from(change.remove.key) } },
      ),
    });
    return answer['succeeded'] as boolean;
  }

  async grantLease(ttlSeconds: number): Promise<{ lease: string } & KeepAlive> {
    const sentAtMs = monotonicMs();
    const answer = await this.#repeat('leaseGrant', { TTL: ttlSeconds });
    return { lease: String(answer['ID']), ttlSeconds: Number(answer['TTL']), sentAtMs };
  }

  async revokeLease(lease: string): Promise<void> {
    await this.#once('leaseRevoke', { ID: lease }).catch((error: unknown) => {
      if (!(error instanceof EtcdError) || error.status !== GRPC_STATUS.notFound) {
        throw error;
      }
    });
  }

  /** Sends one keep-alive and waits for its answer. Each is a call of its own, with its own deadline and its own time of sending. */
  async keepAlive(lease: string): Promise<KeepAlive> {
    const tries = this.#endpoints.length;
    for (let i = 1; ; i++) {
      const sentAtMs = monotonicMs();
      try {
        return { ttlSeconds: await this.#keepAliveOnce(lease), sentAtMs };
      } catch (error) {
        if (i >= tries || !(error instanceof EtcdError) || !isOtherMemberWorthTrying(error.status)) {
          throw error;
        }
      }
    }
  }

  #keepAliveOnce(lease: string): Promise<number> {
    return this.#login.asUser((metadata) => this.#streamKeepAlive(lease, metadata));
  }

  #streamKeepAlive(lease: string, metadata: GrpcMetadata): Promise<number> {
    const member = this.#current;
    const { path, encode, decode } = this.#parts.codecs.leaseKeepAlive;
    const channel = this.#channel(member);
    return new Promise((resolve, reject) => {
      const stream = channel.makeBidiStreamRequest(path, encode, decode, metadata);
      const timer = this.#giveUpLater(stream);
      const settle = (work: () => void): void => {
        clearTimeout(timer);
        work();
      };
      // A promise settles once: behind an answer the others say nothing new, and our own `cancel` is an error
      // here.
      let isAnswered = false;
      stream.on('data', (answer) => {
        isAnswered = true;
        settle(() => resolve(Number(answer['TTL'])));
        stream.cancel();
      });
      stream.on('error', (error) => {
        if (!isAnswered) {
          settle(() => reject(this.#failure(member, error)));
        }
      });
      stream.on('end', () => {
        if (!isAnswered) {
          settle(() => reject(this.#failure(member, null)));
        }
      });
      stream.write({ ID: lease });
    });
  }

  /** For the watch: a stream to the current member, as whoever is logged in. Its owner cancels it, and opens another one where it is not taken. */
  openWatch(): WatchStream {
    const member = this.#current;
    const { path, encode, decode } = this.#parts.codecs.watch;
    const channel = this.#channel(member);
    return {
      stream: channel.makeBidiStreamRequest(path, encode, decode, this.#login.metadata()),
      suspect: () => this.#leaveMember(member),
    };
  }

  close(): void {
    this.#isClosed = true;
    this.#leaveAll();
  }

  #leaveAll(): void {
    for (const channel of this.#channels.values()) {
      channel.close();
    }
    this.#channels.clear();
  }

  /** A call that does no harm when it is done twice: each member is tried once. */
  async #repeat(method: EtcdMethod, request: object): Promise<Record<string, unknown>> {
    for (let i = 1; ; i++) {
      try {
        return await this.#once(method, request);
      } catch (error) {
        const isLast = i >= this.#endpoints.length || this.#isClosed;
        if (isLast || !(error instanceof EtcdError) || !isOtherMemberWorthTrying(error.status)) {
          throw error;
        }
      }
    }
  }

  #once(method: EtcdMethod, request: object): Promise<Record<string, unknown>> {
    return this.#login.asUser((metadata) => this.#send(method, request, metadata));
  }

  #send(method: EtcdMethod, request: object, metadata: GrpcMetadata): Promise<Record<string, unknown>> {
    const member = this.#current;
    const { path, encode, decode } = this.#parts.codecs[method];
    const channel = this.#channel(member);
    return new Promise((resolve, reject) => {
      const call = channel.makeUnaryRequest(path, encode, decode, request, metadata, (error, answer) => {
        clearTimeout(timer);
        if (error !== null || answer === undefined) {
          reject(this.#failure(member, error));
        } else {
          resolve(answer);
        }
      });
      const timer = this.#giveUpLater(call);
    });
  }

  /** gRPC's own deadlines go by the wall clock, and one that jumps back would make them last. */
  #giveUpLater(call: GrpcCall): ReturnType<typeof setTimeout> {
    return setTimeout(() => call.cancel(), this.#callTimeoutMs);
  }

  #channel(member: number): GrpcChannel {
    if (this.#isClosed) {
      throw new EtcdError('the client of etcd is closed', GRPC_STATUS.cancelled, false);
    }
    let channel = this.#channels.get(member);
    if (channel === undefined) {
      const { credentials, Client } = this.#parts.grpc;
      const { context } = this.#access;
      channel = new Client(
        this.#endpoints[member] as string,
        context === null ? credentials.createInsecure() : credentials.createFromSecureContext(context),
        {
          'grpc.max_receive_message_length': MAX_ANSWER_BYTES,
          // Connections are this client's own: one that was given up must not be handed out again.
          'grpc.use_local_subchannel_pool': 1,
          'grpc.enable_retries': 0,
          'grpc.initial_reconnect_backoff_ms': 100,
          'grpc.max_reconnect_backoff_ms': 1_000,
          // Never through a proxy that the environment names: leases do not survive one that holds answers
          // back.
          'grpc.enable_http_proxy': 0,
        },
      );
      this.#channels.set(member, channel);
    }
    return channel;
  }

  #failure(member: number, error: GrpcFailure | null): EtcdError {
    const status = error?.code ?? GRPC_STATUS.unknown;
    if (isOtherMemberWorthTrying(status)) {
      this.#leaveMember(member);
    }
    const why =
      status === GRPC_STATUS.cancelled
        ? `no answer within ${this.#callTimeoutMs} ms`
        : (error?.details ?? error?.message ?? 'no answer');
    return new EtcdError(
      `etcd at ${this.#endpoints[member]}: ${why}`,
      status,
      isOtherMemberWorthTrying(status),
    );
  }

  /** The connection is thrown away, and calls go to the next member. */
  #leaveMember(member: number): void {
    this.#channels.get(member)?.close();
    this.#channels.delete(member);
    if (this.#current === member) {
      this.#current = (member + 1) % this.#endpoints.length;
    }
  }
}

interface RawKeyValue {
  key: Uint8Array;
  value: Uint8Array;
  create_revision: string;
  mod_revision: string;
  lease: string;
}

export function keyValueOf(raw: RawKeyValue): EtcdKeyValue {
  return {
    key: Buffer.from(raw.key).toString(),
    value: Buffer.from(raw.value).toString(),
    createRevision: Number(raw.create_revision),
    modRevision: Number(raw.mod_revision),
    lease: raw.lease,
  };
}

function revisionOf(answer: Record<string, unknown>): number {
  return Number((answer['header'] as { revision: string }).revision);
}

/** The first key behind all that begin with `prefix`, which ends in an ASCII letter or slash. */
export function prefixEnd(prefix: string): Buffer {
  const end = Buffer.from(prefix);
  end[end.length - 1] = (end[end.length - 1] as number) + 1;
  return end;
}
