/**
 * One thread's door to the broker, as the session (over a socket) and the embedded client see it.
 * A listener worker has one, the host thread has one, an attached thread has one. All calls are made on the
 * thread that owns it; none blocks, none allocates per batch.
 */
import type {
  AuditFacts,
  ConnectionInfo,
  ControlEvent,
  ControlMethod,
  ControlMethods,
  ErrorCode,
  Grant,
  NodeRole,
  ReplicaFacts,
  TokenRights,
  UserLimits,
} from '../native-free/wire/index.js';

/** What a user may send, or be sent. */
export interface PaceLimits {
  /** 0: no limit. */
  readonly bytesPerSecond: number;
  /** 0: no limit. */
  readonly messagesPerSecond: number;
}

/** How far a user has come with that, over all its connections. */
export interface UserPace {
  /** They have gone. */
  spend(bytes: number, messages: number): void;
  /** How long until all that has gone is paid for, ms. */
  readonly aheadMs: number;
}

/**
 * A topic as the hot path knows it. `dead` is set when the topic was deleted; the object is then forgotten.
 * `queues` and `slots` change when it gets more queues.
 */
export interface TopicEntry {
  readonly topicId: number;
  readonly topic: string;
  queues: number;
  readonly memory: boolean;
  /** Queue table slot of each queue. */
  slots: Int32Array;
  dead: boolean;
}

/** Who is told what became of appended batches. One object for many batches: no closure is made for one. */
export interface AppendSink {
  /** Its batches come from elsewhere, so their checksums are looked at. */
  readonly hasTravelled: boolean;
  /** `status`: 0 or a wire number of the error table. Called in the order of the appends of one flush policy. */
  onAppended(
    id: number,
    status: number,
    durability: number,
    flags: number,
    baseOffset: number,
    position: number,
    storeTime: number,
  ): void;
}

/** Answers of {@link EngineThread.append}; anything above `full` is a wire error number. */
export const APPEND = { ok: 0, full: -1 } as const;

/** Answers of {@link QueueReader.read}. */
export const READ = {
  /**
   * The reader came further and there may be more: `bytes` were copied. They may be 0: then it has passed
   * over as many batches that the filter does not want as one read may, and its offset has moved.
   */
  some: 1,
  /** Nothing readable now; the watcher is called when there is. */
  none: 0,
  /** `offset` is below the queue's first stored offset; `reader.offset` was moved up to that. */
  skipped: 2,
  /** The next batch is larger than `maxBytes`: `reader.neededBytes` says how much. */
  tooSmall: 3,
  /** The topic was deleted. */
  dead: 4,
  /** Damaged on disk at `offset`: `reader.damage` says what. Nothing is skipped silently: see {@link QueueReader.skipDamage}. */
  damaged: 5,
} as const;

/** A place in one queue, moving forward. Owned by one consumer. */
export interface QueueReader {
  /** Next offset to read. Set it to seek. */
  offset: number;
  readonly neededBytes: number;
  readonly damage: string;
  /** Log position of the damage, -1 when it has none: the index is damaged, or nothing is left of what was there. */
  readonly damagePosition: number;
  /** Bytes the last `read` wrote. */
  readonly bytes: number;
  /** What the last `read` cost, in bytes: those it copied, and those it looked through for nothing. */
  readonly costBytes: number;
  /** What the last `read` gave was not in memory any more. */
  readonly isOld: boolean;
  /** Where memory has the queue for a good while yet, and the log position of that; null: `offset` is near it, or nobody knows. */
  recent(): { offset: number; position: number } | null;
  /**
   * Copies committed batches of the queue from `offset` on into `target`, each begun at a multiple of 64 from
   * `at`, pads possibly in between, and moves `offset` past them. Batches whose tag bloom shares no bit with
   * the filter's two words are passed over without a copy (both -1 = all); `offset` moves past these too. One
   * read passes over a bounded stretch of these and then returns, so that no backlog holds up its thread.
   */
  read(target: Uint8Array, at: number, maxBytes: number, bloomLow: number, bloomHigh: number): number;
  /**
   * After `damaged`: moves `offset` behind what cannot be read, as far as one call may look. What follows may
   * be damaged again. Throws disk errors.
   */
  skipDamage(): void;
  /**
   * Whether the stored batch with that offset is damaged: its header, or its body, which reads do not look
   * at. What is found is told as what a read finds is. Throws disk errors.
   */
  examine(offset: number): boolean;
  /** Ask to be called (once, from the thread's progress turn) when `read` may give something again. */
  watch(onReadable: (reader: QueueReader) => void): void;
  close(): void;
}

/** The consumer side of a group member that lives on this thread. */
export interface MemberSink {
  onEvent(event: ControlEvent): void;
}

export interface EngineInfo {
  brokerId: string;
  /** Of this opening of the data directory. */
  openingId: string;
  brokerName: string;
  flush: 'sync' | 'async';
  /** No larger batch fits into one of its rings. */
  maxBatchBytes: number;
}

/** What a broker is among others, as of now. */
export interface ClusterPlace {
  /** A master that another one has replaced is none. */
  role: NodeRole;
  cluster: string;
  /** The broker set: a master and its slaves, which have one log. */
  brokerSet: string;
  /** The master's term that it knows. */
  epoch: number;
  /** Where the set's master is; null: this one is it, or it is not known. */
  master: string | null;
}

/** Whose work it is, in words for a log line: `connection 127.0.0.1:5012 (billing)`. */
export interface WorkOwner {
  readonly label: string;
}

/** What a thread counts of itself; whoever does something that has a counter adds to it. */
export interface ThreadMeter {
  /** Messages read for consumers so far. */
  readonly messagesOut: number;
  connections: number;
  connectionsOpened: number;
  httpRequests: number;
  httpFailures: number;
  connectionsRefused: number;
  pacedWaits: number;
  requests: number;
  /** Before a piece of work that holds the thread; what it returns goes to {@link end}. */
  begin(): number;
  /** After it. Work that took long is told, with `what` it was and whose. */
  end(begun: number, what: string, owner: WorkOwner): void;
  /** Makes the counts visible to others; each turn does it, too. */
  publish(): void;
}

/** A slave's connection as the replicate stage sees it. */
export interface ReplicaLink {
  /** Bytes handed to `send` that the kernel has not taken. */
  readonly bufferedBytes: number;
  /** One frame; its memory may be used again when it returns. */
  send(frame: Uint8Array): void;
  /** The log cannot be sent: ends the connection. */
  fail(code: ErrorCode, why: string): void;
}

/** The log on its way to one slave. */
export interface ReplicaFeed {
  /** The slave has so much, in bytes of log; what is wrong with that, or null. */
  onAck(received: number, flushed: number): string | null;
  /** The connection can take more. */
  onDrain(): void;
  /** An `ask` or `bytes` frame; what is wrong with it, or null. */
  onRepair(frame: Uint8Array): string | null;
  close(): void;
}

/** What a master decided of a slave that said hello. */
export interface ReplicaGreeting {
  /** What the master says of itself. */
  facts: ReplicaFacts;
  /** The slave's row among the shared words, and the number of this connection. */
  row: number;
  link: number;
  /** What the slave begins with, for one that has nothing the master still has. */
  state: Uint8Array | null;
}

/** The side of a master that its slaves' connections are made to. */
export interface ReplicaDoor {
  /** The master's proof, if the slave's is right; null: it is not, or nobody from there is let in. `remote`: the slave's address. */
  prove(
    slaveNonce: Uint8Array,
    masterNonce: Uint8Array,
    proof: Uint8Array,
    remote: string,
  ): Promise<Uint8Array | null>;
  /** @throws RingMQError NOT_MASTER, BAD_REQUEST (it is none of this master's slaves) */
  greet(slave: ReplicaFacts): Promise<ReplicaGreeting>;
  /**
   * Offsets that were committed at the slave, as it sent them. Resolves with where the log ends that has what
   * counts of them.
   * @throws RingMQError BAD_FRAME, NOT_MASTER, and what a commit is refused for
   */
  takeOver(row: number, offsets: Uint8Array): Promise<number>;
  /** Members may be told to read at a slave: the broker's options allow it, and one is in sync. */
  readonly mayRead: boolean;
  /** Names of the in-sync slaves that have the log up to `position`. */
  holders(position: number): Promise<string[]>;
  /** Begins to send the log from `position` on. */
  feed(greeting: ReplicaGreeting, position: number, link: ReplicaLink): ReplicaFeed;
}

/** Calls of the control plane, which answers on the thread that opened the broker. */
export interface ControlCalls {
  /**
   * A control call. For join, leave, released and commit, `consumerKey` names the consumer on this thread
   * (unique, e.g. `connection:consumer`).
   */
  call<M extends ControlMethod>(
    method: M,
    params: ControlMethods[M]['params'],
    consumerKey?: string,
  ): Promise<ControlMethods[M]['result']>;
  /**
   * The same, the result as MessagePack: for one that is only passed on. INTERNAL for one over
   * MAX_CONTROL_BYTES. `asker` names the connection, with which the consumer's key begins: each has its turns
   * among all that call.
   */
  callForBytes(
    method: ControlMethod,
    params: unknown,
    consumerKey: string | undefined,
    asker: string,
  ): Promise<Uint8Array>;
}

/** What a client's proof is checked against. */
export interface LoginParams {
  user: string;
  /** RFC 5802's. */
  authMessage: string;
  /** Base64. */
  proof: string;
  /** The client's address, without its port. */
  remote: string;
}

/** A token that somebody logs in with. */
export interface TokenLoginParams {
  token: string;
  /** By whose rules: what {@link AccessDoor.trust} was told of them. */
  trust: string;
  /** The client's address, without its port. */
  remote: string;
}

/** By what somebody has logged in. It tells whether the login holds, whenever rights change. */
export type LoginProof =
  /** A password: of its verifier. */
  | { by: 'password'; salt: string }
  /** A token, with what it says of rights; null: those of the user in the table count. */
  | { by: 'token'; rights: TokenRights | null }
  /** A client certificate. */
  | { by: 'certificate' };

/** A user that has logged in, and what it may do as of now. Plain data. */
export interface PrincipalFacts {
  user: string;
  /** Among those whose pace is kept, in this opening. Another one with other limits. */
  place: number;
  proof: LoginProof;
  /** Its own and those of its roles. */
  grants: Grant[];
  /** Of its own; null: as the listener's options say. */
  limits: Readonly<UserLimits>;
}

export interface LoginAnswer {
  /** Of a login by password. Base64. */
  serverSignature?: string;
  principal: PrincipalFacts;
  /** Of a login by token: milliseconds since 1970, and how long that is from now on. */
  expires?: { time: number; inMs: number };
  /** {@link AccessDoor.version}, when the rights were as they are told here. */
  version: number;
}

/** Users and their rights. */
export interface AccessDoor {
  /** Moves with each change of users, roles or grants. One shared word. */
  readonly version: number;
  challenge(user: string): Promise<{ salt: string; iterations: number }>;
  /** @throws RingMQError NOT_AUTHENTICATED, after a wait that grows with each failure */
  login(params: LoginParams): Promise<LoginAnswer>;
  /** @throws RingMQError NOT_AUTHENTICATED, TOKEN_EXPIRED, TIMEOUT (the issuer's keys cannot be had now) */
  verifyToken(params: TokenLoginParams): Promise<LoginAnswer>;
  /** A user that the listener knows by its certificate. @throws RingMQError NOT_AUTHENTICATED: there is none of the name */
  certified(user: string, remote: string): Promise<LoginAnswer>;
  /** null: there is no such user any more, or it has another password. */
  principal(user: string, proof: LoginProof): Promise<PrincipalFacts | null>;
  /** Writes down administrative work, or a login that failed. Nobody waits for it; a flood of them is counted. */
  audit(facts: AuditFacts): void;
  /** What all connections of a user, by its {@link PrincipalFacts.place}, keep to together. `direction`: 0, what they send; 1, what they are sent. */
  pace(place: number, direction: 0 | 1, limits: PaceLimits): UserPace;
}

/** A connection as administrators are told of it. */
export interface OpenConnection {
  readonly id: string;
  facts(): ConnectionInfo;
  /** Names of topics that it has sent messages to. */
  producedTopics(): Iterable<string>;
  consumersThere(): Iterable<{ group: string | null; topic: string }>;
  closeByAdministrator(): void;
}

/** Whoever has connections on a thread. */
export interface ConnectionSource {
  connections(): Iterable<OpenConnection>;
}

export interface EngineThread extends ControlCalls {
  readonly replicas: ReplicaDoor;
  readonly access: AccessDoor;
  readonly info: EngineInfo;
  /** Read anew each time. */
  readonly place: ClusterPlace;
  /** What statistics call the thread. */
  readonly name: string;
  readonly meter: ThreadMeter;

  /** The topic, if this thread has met it. */
  topicById(topicId: number): TopicEntry | undefined;
  /** Asks the control plane; undefined when there is none. */
  resolveTopicById(topicId: number): Promise<TopicEntry | undefined>;

  /**
   * Takes one batch into the ring: checks it (shape, limits, CRC, topic, queue), claims, copies, publishes,
   * indexes. `bytes` is free for reuse when it returns. `full`: nothing was taken, try again from `onRoom`. A
   * wire number: refused, nothing stored. The topic must have been met (topicById) before.
   */
  append(sink: AppendSink, id: number, bytes: Uint8Array, topic: TopicEntry): number;
  /** Called once when there is room again after `full`. */
  onRoom(callback: () => void): void;
  /** Forget a sink whose connection is gone; its batches stay, its acks are dropped. */
  dropSink(sink: AppendSink): void;

  openReader(topic: TopicEntry, queueId: number, offset: number): QueueReader;

  /** A connection has gone, and leaves calls without an answer: those that have not begun are given up, but for commits. */
  askerGone(asker: string): void;
  /** Where a consumer's events go, to be set before it joins. */
  addMember(consumerKey: string, sink: MemberSink): void;
  /** Messages of a queue that the consumer holds were deleted before it read them: from `from` up to, not including, `to`. */
  expired(consumerKey: string, queueId: number, generation: number, from: number, to: number): void;
  /** The consumer is gone (left or lost): leaves its group at once. */
  removeMember(consumerKey: string): void;
  /** A connection has come or gone: told to whoever listens on `ringmq:connection`. */
  noteConnection(event: 'opened' | 'closed', connection: string, client: string): void;
  /** A connection's name among all that there are and have been. */
  newConnectionId(): string;
  /** Connections that are told of when all threads are asked for theirs. Returns the way to stop. */
  showConnections(source: ConnectionSource): () => void;
  /** Topic changes, for all sessions of this thread. Returns the way to stop. */
  onTopicChanged(listener: (topic: string, topicId: number) => void): () => void;

  close(): Promise<void>;
}
