/** Whoever a connection's requests are made for, and what it may do. */
import type { LoginProof, PrincipalFacts } from '../../engine/engine-thread.js';
import { type Right, Rights, RingMQError, type UserLimits } from '../../native-free/wire/index.js';

/** Another object after each change of its rights. */
export class Principal {
  readonly user: string;
  /** Among those whose pace is kept. */
  readonly place: number;
  readonly proof: LoginProof;
  readonly rights: Rights;
  readonly limits: Readonly<UserLimits>;

  constructor({ user, place, proof, grants, limits }: PrincipalFacts) {
    this.user = user;
    this.place = place;
    this.proof = proof;
    this.rights = new Rights(grants);
    this.limits = limits;
  }
}

/** One thing that a user needs. `any`: any right on it, so that it is seen. */
export interface Need {
  readonly right: Right | 'any';
  readonly resource: string;
  /** It is enough to have this. */
  readonly or?: Need;
}

export function has(principal: Principal, { right, resource, or }: Need): boolean {
  const { rights } = principal;
  return (
    (right === 'any' ? rights.sees(resource) : rights.may(right, resource)) ||
    (or !== undefined && has(principal, or))
  );
}

/** Says the right and the resource, and nothing else: not whether there is such a thing. */
export function notAllowed(right: Right, resource: string): RingMQError {
  return new RingMQError('NOT_ALLOWED', `the user has no right to ${right} ${resource}`, {
    details: { right, resource },
  });
}
