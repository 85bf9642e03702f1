/** What the users of a broker may do, by its users and roles, and the place where each of them is paced. */
import {
  ADMIN_GRANTS,
  ADMIN_ROLE,
  type Grant,
  NO_LIMITS,
  Rights,
  type UserLimits,
} from '../../native-free/wire/index.js';
import type { LoginProof, PrincipalFacts } from '../engine-thread.js';
import type { AccessState } from '../meta/access-state.js';
import { MAX_PACED_USERS } from '../term/user-paces.js';

export class Principals {
  readonly #state: AccessState;
  readonly #places = new Map<string, number>();
  #nextPlace = 0;

  constructor(state: AccessState) {
    this.#state = state;
  }

  /** Somebody may make users and give rights. */
  get hasAdministrator(): boolean {
    return [...this.#state.users.keys()].some(
      (user) => this.rightsOf(user)?.may('manage', 'cluster') === true,
    );
  }

  /** What the user may do, by all of its grants and roles; null: there is no such user. */
  rightsOf(user: string): Rights | null {
    return this.#state.users.has(user) ? new Rights(this.#grantsOf(user)) : null;
  }

  /** A user that has proved a password. `salt`: of which. `grants`: in the place of the user's own. */
  byPassword(user: string, salt: string, grants?: readonly Grant[]): PrincipalFacts {
    const place = this.#placeOf(user);
    const limits = this.#limitsOf(user);
    const proof = { by: 'password', salt } as const;
    return { user, place, proof, grants: grants === undefined ? this.#grantsOf(user) : [...grants], limits };
  }

  /** A user for whom somebody else vouches. null: none has the name, and nothing else gives it rights. */
  external(user: string, proof: LoginProof): PrincipalFacts | null {
    const rights = proof.by === 'token' ? proof.rights : null;
    if (rights !== null) {
      const grants = [...rights.grants, ...this.#grantsOfRoles(rights.roles)];
      return { user, place: this.#placeOf(user), proof, grants, limits: this.#limitsOf(user) };
    }
    const limits = this.#limitsOf(user);
    return this.#state.users.has(user)
      ? { user, place: this.#placeOf(user), proof, grants: this.#grantsOf(user), limits }
      : null;
  }

  /**
   * The same for all logins of a user, as long as its limits are: nobody waits for what went under those
   * before. With more users than there are places the one that has had its for longest shares it.
   */
  #placeOf(user: string): number {
    const key = JSON.stringify([user, this.#limitsOf(user)]);
    let place = this.#places.get(key);
    if (place === undefined) {
      place = this.#nextPlace++ % MAX_PACED_USERS;
      this.#places.set(key, place);
      for (const oldest of this.#places.keys()) {
        if (this.#places.size <= MAX_PACED_USERS) {
          break;
        }
        this.#places.delete(oldest);
      }
    }
    return place;
  }

  #limitsOf(user: string): Readonly<UserLimits> {
    return this.#state.users.get(user)?.limits ?? NO_LIMITS;
  }

  #grantsOf(user: string): Grant[] {
    const { roles = [], grants = [] } = this.#state.users.get(user) ?? {};
    return [...grants, ...this.#grantsOfRoles(roles)];
  }

  #grantsOfRoles(roles: readonly string[]): Grant[] {
    return roles.flatMap((role) =>
      role === ADMIN_ROLE ? [...ADMIN_GRANTS] : (this.#state.roles.get(role)?.grants ?? []),
    );
  }
}
