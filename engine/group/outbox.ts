/** Events of one run, gathered so that a member gets at most one `revoke`, one `assign` and one `expired`, in this order. */
import type { Member } from './topic-share.js';

type Revoked = { queueId: number; generation: number };
type Expired = { queueId: number; from: number; to: number };
type Assigned = { queueId: number; generation: number; offset: number };

export class Outbox {
  #revoked = new Map<Member, Revoked[]>();
  #assigned = new Map<Member, Assigned[]>();
  /** Of queues that are being assigned: what was deleted before their first message. */
  #expired = new Map<Member, Expired[]>();

  get empty(): boolean {
    return this.#revoked.size === 0 && this.#assigned.size === 0;
  }

  expired(member: Member, queue: Expired): void {
    push(this.#expired, member, queue);
  }

  revoke(member: Member, queue: Revoked): void {
    push(this.#revoked, member, queue);
  }

  assign(member: Member, queue: Assigned): void {
    push(this.#assigned, member, queue);
  }

  /** An `assign` without queues, unless there are some after all. */
  assignNone(member: Member): void {
    if (!this.#assigned.has(member)) {
      this.#assigned.set(member, []);
    }
  }

  /** Sends and forgets everything; what is for members that are gone is dropped. */
  send(isMember: (member: Member) => boolean): void {
    const revoked = this.#revoked;
    const assigned = this.#assigned;
    this.#revoked = new Map();
    this.#assigned = new Map();
    const expired = this.#expired;
    this.#expired = new Map();
    for (const [member, queues] of revoked) {
      if (isMember(member)) {
        member.send({ event: 'revoke', queues });
      }
    }
    for (const [member, queues] of assigned) {
      if (isMember(member)) {
        member.send({ event: 'assign', queues });
      }
    }
    for (const [member, queues] of expired) {
      if (isMember(member)) {
        member.send({ event: 'expired', queues });
      }
    }
  }
}

function push<T>(map: Map<Member, T[]>, member: Member, queue: T): void {
  const queues = map.get(member);
  if (queues === undefined) {
    map.set(member, [queue]);
  } else {
    queues.push(queue);
  }
}
