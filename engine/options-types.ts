// Written by `npm run docs:options` from the schema beside it. Change the schema, not this file.

/** Options of a broker and its data directory. All of them may be left out. */
export interface EngineOptions {
  /**
   * Directory of all that is durable. It is made when it is missing; one broker at a time may have it open.
   * Default ./ringmq-data.
   * Command: `--data`, `RINGMQ_DATA`, `data`.
   */
  dataDir?: string | undefined;
  /**
   * The broker's name in answers and logs.
   * Default ringmq.
   * Command: `--name`, `RINGMQ_NAME`, `name`.
   */
  name?: string | undefined;
  /**
   * When a message is acked: `sync` once it is on disk (fdatasync), `async` once it is in the page cache. A
   * power cut loses nothing acked under `sync`, up to `flushIntervalMs` under `async`; a crash of the broker
   * loses nothing acked under either.
   * Default sync.
   * Command: `--flush`, `RINGMQ_FLUSH`, `flush`.
   */
  flush?: 'sync' | 'async' | undefined;
  /**
   * Under async flush: the longest time that written bytes wait for fdatasync.
   * Milliseconds, 1ms to 1m. Default 500 (500ms).
   * Command: `--flush-interval`, `RINGMQ_FLUSH_INTERVAL`, `flushInterval`.
   */
  flushIntervalMs?: number | undefined;
  /**
   * Under async flush: so many written bytes call fdatasync before the interval is over.
   * Bytes, 64KiB or more. Default 67,108,864 (64MiB).
   * Command: `--flush-size`, `RINGMQ_FLUSH_SIZE`, `flushSize`.
   */
  flushBytes?: number | undefined;
  /**
   * The log's ring in shared memory: what producers can be ahead of the disk. At least two spans.
   * Bytes, a power of two, 64KiB to 1GiB. Default 67,108,864 (64MiB).
   * Command: `--ring-size`, `RINGMQ_RING_SIZE`, `ringSize`.
   */
  ringBytes?: number | undefined;
  /**
   * The ring of memory topics in shared memory: what is kept of all of them together. At least four spans; a
   * claim takes room for two of them, the rest keeps messages.
   * Bytes, a power of two, 64KiB to 1GiB. Default 67,108,864 (64MiB).
   * Command: `--memory-ring-size`, `RINGMQ_MEMORY_RING_SIZE`, `memoryRingSize`.
   */
  memoryRingBytes?: number | undefined;
  /**
   * No batch crosses a multiple of it, so it bounds the largest batch. Fixed when the data directory is
   * made.
   * Bytes, a power of two, 4KiB to 64MiB. Default 8,388,608 (8MiB).
   * Command: `--span-size`, `RINGMQ_SPAN_SIZE`, `spanSize`.
   */
  spanBytes?: number | undefined;
  /**
   * One file of the log, at least one span. Fixed when the data directory is made. Retention deletes whole
   * files.
   * Bytes, a power of two, 64KiB to 4GiB. Default 1,073,741,824 (1GiB).
   * Command: `--segment-size`, `RINGMQ_SEGMENT_SIZE`, `segmentSize`.
   */
  segmentBytes?: number | undefined;
  /**
   * Age at which messages may be deleted, whether they were read or not. Whole segments go, never the one
   * that is written. 0: never.
   * Milliseconds, 0s or more. Default 259,200,000 (72h).
   * Command: `--retention`, `RINGMQ_RETENTION`, `retention`.
   */
  retentionMs?: number | undefined;
  /**
   * Size of the log above which its oldest segments are deleted, whether they were read or not. 0: no bound.
   * Bytes, 0 or more. Default 0.
   * Command: `--retention-size`, `RINGMQ_RETENTION_SIZE`, `retentionSize`.
   */
  retentionBytes?: number | undefined;
  /**
   * Messages are refused with DISK_FULL while the disk has less than this free.
   * Bytes, 0 or more. Default 268,435,456 (256MiB).
   * Command: `--min-free`, `RINGMQ_MIN_FREE`, `minFree`.
   */
  minFreeBytes?: number | undefined;
  /**
   * Queues of all topics together. One that is in use takes about 1.3 KiB of shared memory.
   * A number, 16 to 1,048,576. Default 65,536.
   * Command: `--max-queues`, `RINGMQ_MAX_QUEUES`, `maxQueues`.
   */
  maxQueues?: number | undefined;
  /**
   * Consumer groups at once: those with members, those that have acked something, those made by createGroup.
   * At the limit a new one is refused with TOO_MANY_GROUPS.
   * A number, 1 to 1,000,000. Default 10,000.
   * Command: `--max-groups`, `RINGMQ_MAX_GROUPS`, `maxGroups`.
   */
  maxGroups?: number | undefined;
  /**
   * Members of one consumer group. At the limit one more is refused with TOO_MANY_MEMBERS.
   * A number, 1 to 16,384. Default 1,024.
   * Command: `--max-members-per-group`, `RINGMQ_MAX_MEMBERS_PER_GROUP`, `maxMembersPerGroup`.
   */
  maxMembersPerGroup?: number | undefined;
  /**
   * Queues of all groups and readers together, each counting those of the topics it has members on. At the
   * limit a group that would begin to read one more topic is refused with TOO_MANY_MEMBERS. Each takes about
   * 800 bytes.
   * A number, 16,384 to 67,108,864. Default 1,048,576.
   * Command: `--max-group-queues`, `RINGMQ_MAX_GROUP_QUEUES`, `maxGroupQueues`.
   */
  maxGroupQueues?: number | undefined;
  /**
   * How long a consumer group without members is kept; then it is deleted with all it has acked, and the log
   * says so. Only time in which the broker runs counts. Groups made by createGroup stay. 0: all stay.
   * Milliseconds, 0s or more. Default 604,800,000 (7d).
   * Command: `--group-retention`, `RINGMQ_GROUP_RETENTION`, `groupRetention`.
   */
  groupRetentionMs?: number | undefined;
  /**
   * How long entries of the audit are kept (who did what administrative thing, and logins that failed),
   * whatever `retentionMs` says of messages. 0: none is deleted for its age.
   * Milliseconds, 0s or more. Default 7,776,000,000 (90d).
   * Command: `--audit-retention`, `RINGMQ_AUDIT_RETENTION`, `auditRetention`.
   */
  auditRetentionMs?: number | undefined;
  /**
   * Entries of the audit that are kept; the oldest go first. Each takes about 400 bytes of memory, and as
   * much in each checkpoint.
   * A number, 100 to 100,000. Default 10,000.
   * Command: `--audit-max-count`, `RINGMQ_AUDIT_MAX_COUNT`, `auditMaxCount`.
   */
  auditMaxCount?: number | undefined;
  /**
   * Threads of the process that may take part: listeners, attached threads, and the broker's own.
   * A number, 4 to 64. Default 64.
   * Command: `--max-threads`, `RINGMQ_MAX_THREADS`, `maxThreads`.
   */
  maxThreads?: number | undefined;
  /**
   * Keeps an index of the keys of messages on the log, so that one is found by its key among all; about 10
   * bytes of disk for each key of a batch, and one thread while keys come. Without it a search by key reads
   * the whole topic. Messages without keys cost nothing either way.
   * Default on.
   * Command: `--key-index`, `RINGMQ_KEY_INDEX`, `keyIndex`.
   */
  keyIndex?: 'on' | 'off' | undefined;
  /**
   * Bytes of log between two checkpoints: about what a restart has to read at most.
   * Bytes, 64KiB or more. Default 134,217,728 (128MiB).
   * Command: `--checkpoint-size`, `RINGMQ_CHECKPOINT_SIZE`, `checkpointSize`.
   */
  checkpointBytes?: number | undefined;
  /**
   * Producers that the broker remembers, on the log and on memory topics each, to tell a batch that is sent
   * again. Each takes 2 KiB of memory once it has sent. Who has not sent for longest is forgotten for a new
   * one; a batch that may have been stored is then refused with SEQUENCE_UNKNOWN, not stored again.
   * A number, 16 to 1,048,576. Default 16,384.
   * Command: `--max-producers`, `RINGMQ_MAX_PRODUCERS`, `maxProducers`.
   */
  maxProducers?: number | undefined;
  /**
   * How long a stalled consumer of a memory topic may hold up the producers of that topic; then it loses
   * messages. Other topics are not held up: they take the room of what lies more than half of
   * memoryRingBytes back.
   * Milliseconds, 1ms or more. Default 30,000 (30s).
   * Command: `--memory-hold`, `RINGMQ_MEMORY_HOLD`, `memoryHold`.
   */
  memoryHoldMs?: number | undefined;
  /**
   * What the broker is in its set: the `master` takes messages, a `slave` keeps a copy of its master's log,
   * byte for byte, and serves reads.
   * Default master.
   * Command: `--role`, `RINGMQ_ROLE`, `role`.
   */
  role?: 'master' | 'slave' | undefined;
  /**
   * Address of the master whose log a slave copies, like `ws://127.0.0.1:9876`. Without one the slave waits
   * to be told.
   * Default none.
   * Command: `--master`, `RINGMQ_MASTER`, `master`.
   */
  master?: string | undefined;
  /**
   * When a master acks, and delivers, a message: `sync` once `minInSync` slaves have it too, `async` without
   * waiting for slaves. Under sync flush they have it on their disk, under async flush in their page cache.
   * Default async.
   * Command: `--replication`, `RINGMQ_REPLICATION`, `replication`.
   */
  replication?: 'sync' | 'async' | undefined;
  /**
   * Under sync replication: in-sync slaves that must have a message before it is acked.
   * A number, 1 to 8. Default 1.
   * Command: `--min-in-sync`, `RINGMQ_MIN_IN_SYNC`, `minInSync`.
   */
  minInSync?: number | undefined;
  /**
   * Under sync replication with fewer than `minInSync` slaves in sync: `refuse` sends with
   * NOT_ENOUGH_REPLICAS, or `degrade`: ack what the broker itself and the slaves that are left have. The
   * receipt says how many slaves had it.
   * Default refuse.
   * Command: `--on-missing-slave`, `RINGMQ_ON_MISSING_SLAVE`, `onMissingSlave`.
   */
  onMissingSlave?: 'refuse' | 'degrade' | undefined;
  /**
   * A slave that is further behind is not in sync.
   * Bytes, 1MiB to 1GiB. Default 268,435,456 (256MiB).
   * Command: `--in-sync-max-lag-size`, `RINGMQ_IN_SYNC_MAX_LAG_SIZE`, `inSyncMaxLagSize`.
   */
  inSyncMaxLagBytes?: number | undefined;
  /**
   * A slave that has been behind, or silent, for so long is not in sync.
   * Milliseconds, 100ms to 10m. Default 10,000 (10s).
   * Command: `--in-sync-max-lag`, `RINGMQ_IN_SYNC_MAX_LAG`, `inSyncMaxLag`.
   */
  inSyncMaxLagMs?: number | undefined;
  /**
   * What consumers of a cluster may read at a slave while the master is there: `never`, nothing, or
   * `old-data`: what is not in the memory of the master any more, where a slave that is in sync has it. The
   * group stays at the master, which gives out its queues and takes its commits.
   * Default never.
   * Command: `--slave-reads`, `RINGMQ_SLAVE_READS`, `slaveReads`.
   */
  slaveReads?: 'never' | 'old-data' | undefined;
  /**
   * File with the secret that the nodes of a cluster prove to each other that they know: its text without
   * the line end, 16 bytes to 4 KiB. Of two lines the first is proved, and both are taken. It is read again
   * when it has changed, and at SIGHUP. Without it only loopback is trusted.
   * Default none.
   * Command: `--secret-file`, `RINGMQ_SECRET_FILE`, `secretFile`.
   */
  secretFile?: string | undefined;
  linkTls?:
    | {
        /**
         * Certificates in PEM of the authorities that this broker trusts on its own connections, to its master,
         * name servers and other brokers by `wss://` addresses.
         * Default those that Node trusts.
         * Command: `--link-ca`, `RINGMQ_LINK_CA`, `linkCa`.
         */
        caFile?: string | undefined;
        /**
         * Certificate chain in PEM that this broker shows there, where it is asked for one.
         * Default none.
         * Command: `--link-cert`, `RINGMQ_LINK_CERT`, `linkCert`.
         */
        certFile?: string | undefined;
        /**
         * Its key in PEM.
         * Default none.
         * Command: `--link-key`, `RINGMQ_LINK_KEY`, `linkKey`.
         */
        keyFile?: string | undefined;
        /**
         * The name that certificates there must have, where it is not that of the address.
         * Default the address's.
         * Command: `--link-servername`, `RINGMQ_LINK_SERVERNAME`, `linkServername`.
         */
        servername?: string | undefined;
      }
    | undefined;
  /**
   * Addresses of name servers, each of which is told where this broker is, and what topics it has. At most
   * 16.
   * Default none.
   * Command: `--name-server`, `RINGMQ_NAME_SERVER`, `nameServer`.
   */
  nameServers?: readonly string[] | undefined;
  /**
   * The cluster that the broker is of. All of its masters have the same topics.
   * Default default.
   * Command: `--cluster`, `RINGMQ_CLUSTER`, `cluster`.
   */
  cluster?: string | undefined;
  /**
   * The broker set: a master and its slaves, which have one log. No other set of the cluster has this name.
   * Default the broker's name; of a slave that is called `a-slave`, `a`.
   * Command: `--broker-set`, `RINGMQ_BROKER_SET`, `brokerSet`.
   */
  brokerSet?: string | undefined;
  /**
   * Where clients and other brokers reach this one, as it is told to name servers.
   * Default the first address that is listened on.
   * Command: `--advertise`, `RINGMQ_ADVERTISE`, `advertise`.
   */
  advertiseUrl?: string | undefined;
  /**
   * Where etcd keeps who is the master of each set, like `etcd://10.0.0.1:2379,10.0.0.2:2379`, or `etcds://`
   * for TLS: a slave then becomes the master by itself within a few seconds of its master's death. The same
   * for all brokers of a set, which say neither `role` master nor `master`. Two packages are installed
   * beside RingMQ for it: @grpc/grpc-js@1 and protobufjs@7.
   * Default none: a slave is promoted by hand.
   * Command: `--controller`, `RINGMQ_CONTROLLER`, `controller`.
   */
  controller?: string | undefined;
  controllerLink?:
    | {
        /**
         * Certificates in PEM of the authorities that this broker trusts at etcd, where `controller` begins with
         * `etcds:`.
         * Default those that Node trusts.
         * Command: `--controller-ca`, `RINGMQ_CONTROLLER_CA`, `controllerCa`.
         */
        caFile?: string | undefined;
        /**
         * Certificate chain in PEM that this broker shows there, where it is asked for one.
         * Default none.
         * Command: `--controller-cert`, `RINGMQ_CONTROLLER_CERT`, `controllerCert`.
         */
        certFile?: string | undefined;
        /**
         * Its key in PEM.
         * Default none.
         * Command: `--controller-key`, `RINGMQ_CONTROLLER_KEY`, `controllerKey`.
         */
        keyFile?: string | undefined;
        /**
         * File of the user of etcd that this broker comes as: one line, its name, a colon and its password. It
         * needs to read and write keys below `/ringmq/`.
         * Default none.
         * Command: `--controller-user-file`, `RINGMQ_CONTROLLER_USER_FILE`, `controllerUserFile`.
         */
        userFile?: string | undefined;
      }
    | undefined;
  /**
   * On a slave: so many bytes a second are fetched at most of what its master has only in files. 0: no
   * bound.
   * Bytes, 0 or more. Default 0.
   * Command: `--catch-up-rate`, `RINGMQ_CATCH_UP_RATE`, `catchUpRate`.
   */
  catchUpRateBytes?: number | undefined;
}
