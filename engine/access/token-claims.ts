/** What a token that has been checked says of its user. */
import {
  type Grant,
  grantFault,
  MAX_GRANTS,
  MAX_GRANTS_CHARACTERS,
  MAX_ROLES_PER_USER,
  NAME_PATTERN,
  type Right,
  RingMQError,
  type TokenRights,
} from '../../native-free/wire/index.js';
import type { TokenOptions } from './token-options.js';

export interface TokenClaims {
  readonly user: string;
  /** null: it says nothing of rights, so those of the user in the table count. */
  readonly rights: TokenRights | null;
}

type Payload = Readonly<Record<string, unknown>>;

/** @throws RingMQError NOT_AUTHENTICATED for a claim of another form than it is to have */
export function claimsOf(payload: Payload, options: TokenOptions): TokenClaims {
  const { userClaim, rolesClaim, grantsClaim } = options;
  const user = claimAt(payload, userClaim);
  if (typeof user !== 'string' || !NAME_PATTERN.test(user)) {
    throw new RingMQError(
      'NOT_AUTHENTICATED',
      `the token's claim ${userClaim} is no name of a user: 1 to 127 of A-Z a-z 0-9 . _ / -`,
      { details: { claim: userClaim } },
    );
  }
  const roles = claimAt(payload, rolesClaim);
  const grants = claimAt(payload, grantsClaim);
  if (roles === undefined && grants === undefined) {
    return { user, rights: null };
  }
  return {
    user,
    rights: {
      roles: words(roles, rolesClaim, MAX_ROLES_PER_USER).filter((role) => NAME_PATTERN.test(role)),
      grants: words(grants, grantsClaim, MAX_GRANTS).flatMap(grantIn),
    },
  };
}

/** `realm_access.roles` is a claim of that name, else what is called so inside of others. */
function claimAt(payload: Payload, name: string): unknown {
  if (Object.hasOwn(payload, name)) {
    return payload[name];
  }
  let at: unknown = payload;
  for (const part of name.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, part)) {
      return undefined;
    }
    at = (at as Payload)[part];
  }
  return at;
}

/** A list of texts, or a text with blanks between. A claim of another form is an error: half of it would be other rights. */
function words(claim: unknown, name: string, most: number): string[] {
  const list = typeof claim === 'string' ? claim.split(' ').filter((word) => word !== '') : (claim ?? []);
  const isList = Array.isArray(list) && list.every((word): word is string => typeof word === 'string');
  if (!isList || list.length > most || list.join('').length > MAX_GRANTS_CHARACTERS) {
    throw new RingMQError(
      'NOT_AUTHENTICATED',
      `the token's claim ${name} is no list of at most ${most} texts, nor one text of words`,
      { details: { claim: name } },
    );
  }
  return list;
}

/** `publish:topic:orders`. What is no grant gives nothing: scopes have words for others, too. */
function grantIn(word: string): Grant[] {
  const colon = word.indexOf(':');
  const [right, resource] = [word.slice(0, colon), word.slice(colon + 1)];
  return colon > 0 && grantFault(right, resource) === null ? [{ right: right as Right, resource }] : [];
}
