/**
 * What the threads of a broker ask of the one that opened it, beside what the wire has: topics, replication,
 * and what they have to tell.
 */
import type { AuditFacts, ReplicaFacts } from '../native-free/wire/index.js';
import type { AccessDesk } from './access/access-desk.js';
import type { AuditKeeper } from './access/audit-keeper.js';
import type { ControlCaller } from './control/channel-messages.js';
import type { DamageList, DamageReport } from './control/damage-list.js';
import type { ExpiredReport } from './control/expired-log.js';
import type { ControlPlane } from './control/index.js';
import type { RepairKeeper } from './data/repair-keeper.js';
import type { LoginParams, TokenLoginParams } from './engine-thread.js';
import type { HandOver } from './set/group-hand-over.js';
import type { Replication } from './set/replication.js';
import { type DiagnosticEvents, diagnose } from './stats/index.js';
import type { CertifiedParams, PrincipalParams } from './thread/access-door.js';
import type { SeatedThread, ThreadWarning } from './thread/control-half.js';
import type { LogDamage, ProveParams, RepairFound, RepairWanted } from './thread/replica-door.js';

export interface ThreadCallsDeps {
  readonly plane: ControlPlane;
  readonly replication: Replication;
  readonly access: AccessDesk;
  readonly audit: AuditKeeper;
  readonly damage: DamageList;
  readonly repair: RepairKeeper;
  /** The thread at a seat is called that. */
  named(seat: number, name: string): void;
  warn(message: string, details: Record<string, unknown>): void;
}

/** Answers every call of a thread: those between threads here, those of the wire by the control plane. */
export function threadCalls(
  deps: ThreadCallsDeps,
): (method: string, params: unknown, caller: ControlCaller) => Promise<unknown> {
  const { plane, replication, access, audit, named, warn } = deps;
  return async (method, params, caller) => {
    switch (method) {
      case 'topicEntry':
        return plane.topicEntry((params as { topicId: number }).topicId) ?? null;
      case 'damage':
        tellDamageOnce(deps, params as DamageReport);
        return null;
      case 'expired':
        plane.expired(caller.seat, params as ExpiredReport);
        return null;
      case 'warn': {
        const { message, details } = params as ThreadWarning;
        warn(message, details);
        return null;
      }
      case 'connection':
        diagnose('connection', params as DiagnosticEvents['connection']);
        return null;
      case 'accessChallenge':
        return access.challenge((params as { user: string }).user);
      case 'accessLogin':
        return access.login(params as LoginParams);
      case 'accessToken':
        return access.verifyToken(params as TokenLoginParams);
      case 'accessCertified': {
        const { user, remote } = params as CertifiedParams;
        return access.certified(user, remote);
      }
      case 'accessPrincipal': {
        const { user, proof } = params as PrincipalParams;
        return access.principal(user, proof);
      }
      case 'audit':
        audit.note(params as AuditFacts);
        return null;
      case 'replicaProve':
        return replication.prove(params as ProveParams);
      case 'replicaGreet':
        return replication.greet(params as ReplicaFacts);
      case 'logDamage': {
        const { row, position } = params as LogDamage;
        tellLogDamage(deps, position, replication.nameOf(row));
        return null;
      }
      case 'repairWanted': {
        const { row, received } = params as RepairWanted;
        return replication.repairWanted(replication.nameOf(row), received);
      }
      case 'repairFound': {
        const { row, position, run } = params as RepairFound;
        replication.repairFound(position, run, replication.nameOf(row));
        return null;
      }
      case 'replicaHolders':
        return replication.holders(params as number);
      case 'replicaOffsets':
        return replication.handOver.takeOver(params as HandOver);
      case 'seated': {
        const { seat, name } = params as SeatedThread;
        named(seat, name);
        return null;
      }
      default:
        return plane.handle(method, params, caller);
    }
  };
}

/** What cannot be sent to a slave. Told once: a slave that needs it comes again and again. */
function tellLogDamage(
  { damage, repair, replication, warn }: ThreadCallsDeps,
  position: number,
  slave: string,
): void {
  if (!repair.add(position, 0)) {
    return;
  }
  const message = `log position ${position}: it is not what it was`;
  const batch = repair.batchAt(position);
  if (batch !== null) {
    damage.add({ ...batch, position, bytes: 0, message });
  }
  warn(
    `damage in the log at position ${position}: nothing from there on can be sent to ${slave} until it is repaired`,
    {
      event: 'damage',
      position,
      slave,
    },
  );
  replication.repairSoon();
}

/** Once for each place, whoever reads it. */
function tellDamageOnce(
  { plane, damage, repair, replication, warn }: ThreadCallsDeps,
  report: DamageReport,
): void {
  const { topicId, queueId, offset, position, message } = report;
  const topic = plane.topicEntry(topicId)?.topic;
  if (position !== null && repair.add(position, report.bytes)) {
    replication.repairSoon();
  }
  if (topic !== undefined && damage.add(report)) {
    warn(`queue ${queueId} of ${topic} cannot be read at offset ${offset}: ${message}`, {
      topic,
      queueId,
      offset,
      position,
    });
  }
}
