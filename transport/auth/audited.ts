/**
 * What of control requests is written down: who asked for it from where, what it was about, and what came of it. Each method
 * that changes something says here what; a method that is not in the table does not compile.
 */
import type { AccessDoor } from '../../engine/engine-thread.js';
import {
  type AuditFacts,
  type AuditResult,
  type ControlMethod,
  type ErrorCode,
  isControlMethod,
  isRingMQError,
  USER_LIMITS,
} from '../../native-free/wire/index.js';

type Params = Readonly<Record<string, unknown>>;

/** What a change is about, and what of it is told. Never a password, or what stands for one. */
export interface Told {
  readonly resource: string;
  readonly details?: string;
}

/** Whoever asks. */
export interface Asker {
  /** Empty: nobody logs in. */
  readonly user: string;
  /** Without the port. */
  readonly address: string;
  readonly connection: string;
}

const MAX_TOLD = 128;

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value).slice(0, MAX_TOLD)
    : '';
}

/** `name value` of each that is there. */
function some(params: Params, names: readonly string[]): string {
  const parts = names.map((name) => {
    const value = params[name];
    const shown = Array.isArray(value) ? value.slice(0, 32).map(text).join(' ') : text(value);
    return shown === '' || value === false ? '' : `${name} ${shown}`;
  });
  return parts.filter((part) => part !== '').join(', ');
}

const of =
  (kind: 'topic' | 'group' | 'user' | 'role', ...names: string[]) =>
  (params: Params): Told => ({ resource: `${kind}:${text(params[kind])}`, details: some(params, names) });
const ofCluster =
  (...names: string[]) =>
  (params: Params): Told => ({ resource: 'cluster', details: some(params, names) });

function ofGrant({ to, right, resource }: Params): Told {
  return { resource: `grants:${text(to)}`, details: `${text(right)} ${text(resource)}` };
}

/** One that is taken back is told, too. */
function ofLimits(params: Params): Told {
  const said = USER_LIMITS.filter((limit) => params[limit] !== undefined).map(
    (limit) => `${limit} ${params[limit] === null ? 'default' : text(params[limit])}`,
  );
  return { resource: `user:${text(params['user'])}`, details: said.join(', ') };
}

function ofReset(params: Params): Told {
  const { to } = params;
  const where =
    typeof to === 'object' && to !== null ? some(to as Params, ['time', 'offset']) : `to ${text(to)}`;
  const rest = some(params, ['topic', 'queueId', 'dryRun']);
  return { resource: `group:${text(params['group'])}`, details: `${rest}, ${where}` };
}

/** null: it changes nothing, or is a consumer's about what it reads. */
export const AUDITED: Readonly<Record<ControlMethod, ((params: Params) => Told) | null>> = {
  topicMetadata: null,
  createTopic: of('topic', 'queues', 'memory', 'ifNotExists'),
  listTopics: null,
  describeTopic: null,
  growTopic: of('topic', 'queues'),
  setTopicRetention: of('topic', 'retentionMs'),
  deleteTopic: of('topic'),
  listGroups: null,
  describeGroup: null,
  findMessages: null,
  consumedBy: null,
  createGroup: of('group', 'ifNotExists'),
  deleteGroup: of('group'),
  resetOffset: ofReset,
  pauseGroup: of('group', 'topic'),
  resumeGroup: of('group', 'topic'),
  copyOffsets: ({ to, ...rest }) => ({
    resource: `group:${text(to)}`,
    details: some(rest, ['from', 'topic', 'dryRun']),
  }),
  skipMessages: of('group', 'topic', 'queueId', 'count', 'dryRun'),
  stats: null,
  queueStats: null,
  listConnections: null,
  closeConnection: ofCluster('id'),
  topicClients: null,
  groupLags: null,
  history: null,
  configuration: null,
  setLogLevel: ofCluster('level'),
  nameServerConfiguration: null,
  setNameServerLogLevel: ofCluster('nameServer', 'level'),
  standing: null,
  promote: ofCluster('epoch', 'force'),
  createUser: of('user', 'roles', 'ifNotExists'),
  setPassword: of('user'),
  setRoles: of('user', 'roles'),
  setLimits: ofLimits,
  listUsers: null,
  deleteUser: of('user'),
  createRole: of('role', 'ifNotExists'),
  listRoles: null,
  deleteRole: of('role'),
  grant: ofGrant,
  revoke: ofGrant,
  listGrants: null,
  accessRecords: null,
  listAudit: null,
  testAccess: null,
  renew: null,
  join: null,
  skipDamage: null,
  reportDamage: null,
  seek: null,
  flow: null,
  leave: null,
  released: null,
  commit: null,
};

/** Does it, and has it written down if it is administrative, whatever comes of it. Rejects as `work` does. */
export async function audited<T>(
  access: AccessDoor,
  asker: Asker,
  method: unknown,
  params: Params,
  work: () => Promise<T>,
): Promise<T> {
  const told = typeof method === 'string' && isControlMethod(method) ? AUDITED[method] : null;
  if (told === null) {
    return work();
  }
  // As it was asked: the work may change its parameters.
  const facts = { ...asker, method: method as string, details: '', ...told(params), count: 1 };
  try {
    const result = await work();
    access.audit({ ...facts, result: 'done', code: '' });
    return result;
  } catch (error) {
    access.audit({ ...facts, ...outcomeOf(error) });
    throw error;
  }
}

/** A login has failed. */
export function auditLogin(access: AccessDoor, asker: Asker, error: unknown): void {
  access.audit({ ...asker, method: 'login', resource: '', details: '', ...outcomeOf(error), count: 1 });
}

function outcomeOf(error: unknown): Pick<AuditFacts, 'result' | 'code'> {
  const code: ErrorCode = isRingMQError(error) ? error.code : 'INTERNAL';
  const result: AuditResult = code === 'NOT_ALLOWED' || code === 'NOT_AUTHENTICATED' ? 'denied' : 'failed';
  return { result, code };
}
