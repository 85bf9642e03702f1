/**
 * One schema for everything about a broker that can be set. An option is added here, in one place, with
 * `option(help, schema)`; then `npm run docs:options` writes its type (options-types.ts) and its row in
 * docs/options.md. The command has its flag, the config file its key and the environment its variable by
 * themselves.
 */
import { z } from 'zod';
import { MAX_URL_CHARACTERS, NAME_PATTERN, RingMQError } from '../native-free/wire/index.js';
import { isAddress } from './address.js';
import { parseController } from './controller-url.js';
import { checkOptions, filePath, pathText } from './option-check.js';
import { option } from './option-info.js';
import type { EngineOptions } from './options-types.js';

export type { EngineOptions } from './options-types.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

const powerOfTwo = (least: number, most: number) =>
  z
    .number()
    .int()
    .min(least)
    .max(most)
    .refine((value) => Number.isInteger(Math.log2(value)), { message: 'must be a power of two' });
const NAME_RULE = 'must be 1 to 127 of A-Z a-z 0-9 . _ / -';
const POWER_OF_TWO = { rule: 'a power of two' };

export const engineOptionsSchema = z
  .object({
    dataDir: option(
      'Directory of all that is durable. It is made when it is missing; one broker at a time may have it open.',
      pathText().default('./ringmq-data'),
      { setting: 'data' },
    ),
    name: option("The broker's name in answers and logs.", z.string().min(1).max(127).default('ringmq')),
    flush: option(
      'When a message is acked: `sync` once it is on disk (fdatasync), `async` once it is in the page cache. A power cut loses nothing acked under `sync`, up to `flushIntervalMs` under `async`; a crash of the broker loses nothing acked under either.',
      z.enum(['sync', 'async']).default('sync'),
    ),
    flushIntervalMs: option(
      'Under async flush: the longest time that written bytes wait for fdatasync.',
      z.number().int().min(1).max(60_000).default(500),
    ),
    flushBytes: option(
      'Under async flush: so many written bytes call fdatasync before the interval is over.',
      z
        .number()
        .int()
        .min(64 * KIB)
        .default(64 * MIB),
      { setting: 'flushSize' },
    ),
    ringBytes: option(
      "The log's ring in shared memory: what producers can be ahead of the disk. At least two spans.",
      powerOfTwo(64 * KIB, GIB).default(64 * MIB),
      POWER_OF_TWO,
    ),
    memoryRingBytes: option(
      'The ring of memory topics in shared memory: what is kept of all of them together. At least four spans; a claim takes room for two of them, the rest keeps messages.',
      powerOfTwo(64 * KIB, GIB).default(64 * MIB),
      POWER_OF_TWO,
    ),
    spanBytes: option(
      'No batch crosses a multiple of it, so it bounds the largest batch. Fixed when the data directory is made.',
      powerOfTwo(4 * KIB, 64 * MIB).default(8 * MIB),
      POWER_OF_TWO,
    ),
    segmentBytes: option(
      'One file of the log, at least one span. Fixed when the data directory is made. Retention deletes whole files.',
      powerOfTwo(64 * KIB, 4 * GIB).default(GIB),
      POWER_OF_TWO,
    ),
    retentionMs: option(
      'Age at which messages may be deleted, whether they were read or not. Whole segments go, never the one that is written. 0: never.',
      z
        .number()
        .int()
        .min(0)
        .default(72 * 3_600_000),
    ),
    retentionBytes: option(
      'Size of the log above which its oldest segments are deleted, whether they were read or not. 0: no bound.',
      z.number().int().min(0).default(0),
    ),
    minFreeBytes: option(
      'Messages are refused with DISK_FULL while the disk has less than this free.',
      z
        .number()
        .int()
        .min(0)
        .default(256 * MIB),
      { setting: 'minFree' },
    ),
    maxQueues: option(
      'Queues of all topics together. One that is in use takes about 1.3 KiB of shared memory.',
      z.number().int().min(16).max(1_048_576).default(65_536),
    ),
    maxGroups: option(
      'Consumer groups at once: those with members, those that have acked something, those made by createGroup. At the limit a new one is refused with TOO_MANY_GROUPS.',
      z.number().int().min(1).max(1_000_000).default(10_000),
    ),
    maxMembersPerGroup: option(
      'Members of one consumer group. At the limit one more is refused with TOO_MANY_MEMBERS.',
      z.number().int().min(1).max(16_384).default(1_024),
    ),
    maxGroupQueues: option(
      'Queues of all groups and readers together, each counting those of the topics it has members on. At the limit a group that would begin to read one more topic is refused with TOO_MANY_MEMBERS. Each takes about 800 bytes.',
      z.number().int().min(16_384).max(67_108_864).default(1_048_576),
    ),
    groupRetentionMs: option(
      'How long a consumer group without members is kept; then it is deleted with all it has acked, and the log says so. Only time in which the broker runs counts. Groups made by createGroup stay. 0: all stay.',
      z
        .number()
        .int()
        .min(0)
        .default(7 * 86_400_000),
    ),
    auditRetentionMs: option(
      'How long entries of the audit are kept (who did what administrative thing, and logins that failed), whatever `retentionMs` says of messages. 0: none is deleted for its age.',
      z
        .number()
        .int()
        .min(0)
        .default(90 * 86_400_000),
    ),
    auditMaxCount: option(
      'Entries of the audit that are kept; the oldest go first. Each takes about 400 bytes of memory, and as much in each checkpoint.',
      z.number().int().min(100).max(100_000).default(10_000),
    ),
    maxThreads: option(
      "Threads of the process that may take part: listeners, attached threads, and the broker's own.",
      z.number().int().min(4).max(64).default(64),
    ),
    keyIndex: option(
      'Keeps an index of the keys of messages on the log, so that one is found by its key among all; about 10 bytes of disk for each key of a batch, and one thread while keys come. Without it a search by key reads the whole topic. Messages without keys cost nothing either way.',
      z.enum(['on', 'off']).default('on'),
    ),
    checkpointBytes: option(
      'Bytes of log between two checkpoints: about what a restart has to read at most.',
      z
        .number()
        .int()
        .min(64 * KIB)
        .default(128 * MIB),
    ),
    maxProducers: option(
      'Producers that the broker remembers, on the log and on memory topics each, to tell a batch that is sent again. Each takes 2 KiB of memory once it has sent. Who has not sent for longest is forgotten for a new one; a batch that may have been stored is then refused with SEQUENCE_UNKNOWN, not stored again.',
      z.number().int().min(16).max(1_048_576).default(16_384),
    ),
    memoryHoldMs: option(
      'How long a stalled consumer of a memory topic may hold up the producers of that topic; then it loses messages. Other topics are not held up: they take the room of what lies more than half of memoryRingBytes back.',
      z.number().int().min(1).default(30_000),
    ),
    role: option(
      "What the broker is in its set: the `master` takes messages, a `slave` keeps a copy of its master's log, byte for byte, and serves reads.",
      z.enum(['master', 'slave']).default('master'),
    ),
    master: option(
      'Address of the master whose log a slave copies, like `ws://127.0.0.1:9876`. Without one the slave waits to be told.',
      z
        .string()
        .min(1)
        .max(2_048)
        .regex(/^wss?:\/\/[^\s]+$/, 'must be a URL like ws://127.0.0.1:9876')
        .refine((text) => URL.canParse(text), 'must be a URL like ws://127.0.0.1:9876')
        .optional(),
      { defaultText: 'none', rule: 'an address like ws://127.0.0.1:9876' },
    ),
    replication: option(
      'When a master acks, and delivers, a message: `sync` once `minInSync` slaves have it too, `async` without waiting for slaves. Under sync flush they have it on their disk, under async flush in their page cache.',
      z.enum(['sync', 'async']).default('async'),
    ),
    minInSync: option(
      'Under sync replication: in-sync slaves that must have a message before it is acked.',
      z.number().int().min(1).max(8).default(1),
    ),
    onMissingSlave: option(
      'Under sync replication with fewer than `minInSync` slaves in sync: `refuse` sends with NOT_ENOUGH_REPLICAS, or `degrade`: ack what the broker itself and the slaves that are left have. The receipt says how many slaves had it.',
      z.enum(['refuse', 'degrade']).default('refuse'),
    ),
    inSyncMaxLagBytes: option(
      'A slave that is further behind is not in sync.',
      z
        .number()
        .int()
        .min(MIB)
        .max(GIB)
        .default(256 * MIB),
    ),
    inSyncMaxLagMs: option(
      'A slave that has been behind, or silent, for so long is not in sync.',
      z.number().int().min(100).max(600_000).default(10_000),
    ),
    slaveReads: option(
      'What consumers of a cluster may read at a slave while the master is there: `never`, nothing, or `old-data`: what is not in the memory of the master any more, where a slave that is in sync has it. The group stays at the master, which gives out its queues and takes its commits.',
      z.enum(['never', 'old-data']).default('never'),
    ),
    secretFile: option(
      'File with the secret that the nodes of a cluster prove to each other that they know: its text without the line end, 16 bytes to 4 KiB. Of two lines the first is proved, and both are taken. It is read again when it has changed, and at SIGHUP. Without it only loopback is trusted.',
      filePath().optional(),
      { defaultText: 'none' },
    ),
    linkTls: z
      .object({
        caFile: option(
          'Certificates in PEM of the authorities that this broker trusts on its own connections, to its master, name servers and other brokers by `wss://` addresses.',
          filePath().optional(),
          { setting: 'linkCa', defaultText: 'those that Node trusts' },
        ),
        certFile: option(
          'Certificate chain in PEM that this broker shows there, where it is asked for one.',
          filePath().optional(),
          { setting: 'linkCert', defaultText: 'none' },
        ),
        keyFile: option('Its key in PEM.', filePath().optional(), {
          setting: 'linkKey',
          defaultText: 'none',
        }),
        servername: option(
          'The name that certificates there must have, where it is not that of the address.',
          z.string().min(1).max(253).optional(),
          { setting: 'linkServername', defaultText: "the address's" },
        ),
      })
      .strict()
      .optional(),
    nameServers: option(
      'Addresses of name servers, each of which is told where this broker is, and what topics it has. At most 16.',
      z
        .array(
          z
            .string()
            .max(MAX_URL_CHARACTERS)
            .regex(/^wss?:\/\/[^\s,]+$/, 'must be a URL like ws://127.0.0.1:9800')
            .refine((text) => URL.canParse(text), 'must be a URL like ws://127.0.0.1:9800'),
        )
        .max(16)
        .default([]),
      { setting: 'nameServer', rule: 'addresses like ws://127.0.0.1:9800' },
    ),
    cluster: option(
      'The cluster that the broker is of. All of its masters have the same topics.',
      z.string().regex(NAME_PATTERN, NAME_RULE).default('default'),
    ),
    brokerSet: option(
      'The broker set: a master and its slaves, which have one log. No other set of the cluster has this name.',
      z.string().regex(NAME_PATTERN, NAME_RULE).optional(),
      { defaultText: "the broker's name; of a slave that is called `a-slave`, `a`" },
    ),
    advertiseUrl: option(
      'Where clients and other brokers reach this one, as it is told to name servers.',
      z
        .string()
        .max(MAX_URL_CHARACTERS)
        .refine(isAddress, 'must be a URL like ws://10.0.0.1:9876')
        .optional(),
      {
        setting: 'advertise',
        defaultText: 'the first address that is listened on',
        rule: 'an address like ws://10.0.0.1:9876',
      },
    ),
    controller: option(
      "Where etcd keeps who is the master of each set, like `etcd://10.0.0.1:2379,10.0.0.2:2379`, or `etcds://` for TLS: a slave then becomes the master by itself within a few seconds of its master's death. The same for all brokers of a set, which say neither `role` master nor `master`. Two packages are installed beside RingMQ for it: @grpc/grpc-js@1 and protobufjs@7.",
      z
        .string()
        .max(MAX_URL_CHARACTERS)
        .refine((text) => parseController(text) !== null, {
          message: 'must be like etcd://127.0.0.1:2379',
        })
        .optional(),
      {
        defaultText: 'none: a slave is promoted by hand',
        rule: 'members of etcd like etcd://127.0.0.1:2379',
      },
    ),
    controllerLink: z
      .object({
        caFile: option(
          'Certificates in PEM of the authorities that this broker trusts at etcd, where `controller` begins with `etcds:`.',
          filePath().optional(),
          { setting: 'controllerCa', defaultText: 'those that Node trusts' },
        ),
        certFile: option(
          'Certificate chain in PEM that this broker shows there, where it is asked for one.',
          filePath().optional(),
          { setting: 'controllerCert', defaultText: 'none' },
        ),
        keyFile: option('Its key in PEM.', filePath().optional(), {
          setting: 'controllerKey',
          defaultText: 'none',
        }),
        userFile: option(
          'File of the user of etcd that this broker comes as: one line, its name, a colon and its password. It needs to read and write keys below `/ringmq/`.',
          filePath().optional(),
          { setting: 'controllerUserFile', defaultText: 'none' },
        ),
      })
      .strict()
      .optional(),
    catchUpRateBytes: option(
      'On a slave: so many bytes a second are fetched at most of what its master has only in files. 0: no bound.',
      z.number().int().min(0).default(0),
      { setting: 'catchUpRate' },
    ),
  })
  .strict();

/** The name of the set that a broker is of. Throws BAD_CONFIG for a slave of which nobody can tell. */
export function brokerSetOf({
  brokerSet,
  name,
  role,
  controller,
}: Pick<ResolvedEngineOptions, 'brokerSet' | 'name' | 'role' | 'controller'>): string {
  const ofName = /^(.+?)-slave/.exec(name)?.[1];
  // With a controller a broker is not told what it is: its name says of which set, all the same.
  const ofMaster = controller === undefined ? name : (ofName ?? name);
  const set = brokerSet ?? (role === 'master' ? ofMaster : ofName);
  if (set === undefined) {
    throw new RingMQError(
      'BAD_CONFIG',
      `of which set the slave '${name}' is cannot be told from its name: set \`brokerSet\`, or call it like its master with -slave behind`,
      { details: { name } },
    );
  }
  return set;
}

/** Of a broker's own connections. Files in PEM. */
export interface LinkTlsOptions {
  readonly caFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly servername?: string | undefined;
}

export type ResolvedEngineOptions = Readonly<z.output<typeof engineOptionsSchema>>;

/** Checks and completes options. Throws BAD_CONFIG naming each option that cannot be used. */
export function resolveEngineOptions(options: EngineOptions = {}): ResolvedEngineOptions {
  const value = checkOptions(engineOptionsSchema, options, 'options');
  checkSpans(value, value.spanBytes);
  if (value.segmentBytes < value.spanBytes) {
    throw new RingMQError('BAD_CONFIG', `segmentBytes must be at least spanBytes, ${value.spanBytes}`);
  }
  checkControllerLink(value);
  const set = brokerSetOf(value);
  if (value.nameServers.length > 0 && !(NAME_PATTERN.test(value.name) && NAME_PATTERN.test(set))) {
    throw new RingMQError(
      'BAD_CONFIG',
      `the name of a broker in a cluster ${NAME_RULE}, not '${value.name}'`,
    );
  }
  return Object.freeze(value);
}

/** What would be set and do nothing is refused: somebody believes that it protects. @throws RingMQError BAD_CONFIG */
function checkControllerLink({ controller, controllerLink }: ResolvedEngineOptions): void {
  if (controllerLink === undefined) {
    return;
  }
  const { caFile, certFile, keyFile } = controllerLink;
  const refuse = (why: string): never => {
    throw new RingMQError('BAD_CONFIG', why, { details: { option: 'controllerLink' } });
  };
  if (controller === undefined) {
    refuse('`controllerLink` is for brokers with a `controller`: name one, or leave it out');
  }
  const isTls = parseController(controller ?? '')?.tls === true;
  if (!isTls && (caFile ?? certFile ?? keyFile) !== undefined) {
    refuse('certificates of `controllerLink` are for TLS: write `controller` with `etcds://`');
  }
  if ((certFile === undefined) !== (keyFile === undefined)) {
    refuse(
      'a certificate is shown with its key: set both `controllerLink.certFile` and `controllerLink.keyFile`',
    );
  }
}

/** The span of a directory that exists is the one it was made with, whatever is asked for. Throws BAD_CONFIG for rings too small for it. */
export function checkSpans(
  options: Pick<ResolvedEngineOptions, 'ringBytes' | 'memoryRingBytes'>,
  spanBytes: number,
): void {
  if (options.ringBytes < 2 * spanBytes || options.memoryRingBytes < 4 * spanBytes) {
    throw new RingMQError(
      'BAD_CONFIG',
      `ringBytes must be at least ${2 * spanBytes} and memoryRingBytes ${4 * spanBytes}: two and four spans of the log, ${spanBytes} bytes each`,
      { details: { spanBytes } },
    );
  }
}
