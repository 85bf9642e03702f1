/** What a caller gives to log in with, checked; and the user that comes of it. */
import { RingMQError } from '../../wire/index.js';
import { badArgument, nameOption, type OptionNames, takeOptions } from '../options.js';
import type { Credentials, TokenSource } from '../types.js';
import { CertificateUser } from './certificate-login.js';
import type { LinkUser } from './link-user.js';
import { passwordOption, ScramUser } from './scram-login.js';
import { TokenUser, tokenOption } from './token-login.js';

interface AnyCredentials {
  scheme?: unknown;
  user?: unknown;
  password?: unknown;
  token?: unknown;
}
const CREDENTIALS: OptionNames<AnyCredentials> = { scheme: true, user: true, password: true, token: true };

/** Throws `BAD_ARGUMENT`, and `NOT_SUPPORTED` for a scheme that this version does not have. */
export function takeCredentials(given: Credentials): Credentials {
  const { scheme, user, password, token } = takeOptions<AnyCredentials>('credentials', given, CREDENTIALS);
  if (scheme === 'scram') {
    refusePart(token, 'token', scheme);
    return { scheme, user: nameOption('user', user), password: passwordOption('password', password) };
  }
  if (scheme === 'jwt') {
    refusePart(user, 'user', scheme);
    refusePart(password, 'password', scheme);
    const isFunction = typeof token === 'function';
    return { scheme, token: isFunction ? (token as TokenSource) : tokenOption('token', token) };
  }
  if (scheme === 'certificate') {
    refusePart(user, 'user', scheme);
    refusePart(password, 'password', scheme);
    refusePart(token, 'token', scheme);
    return { scheme };
  }
  if (typeof scheme === 'string') {
    throw new RingMQError(
      'NOT_SUPPORTED',
      `credentials of the scheme '${scheme.slice(0, 64)}' are not supported`,
      { details: { option: 'credentials' } },
    );
  }
  throw badArgument('credentials', "need a scheme: 'scram', 'jwt' or 'certificate'");
}

function refusePart(part: unknown, name: string, scheme: string): void {
  if (part !== undefined) {
    throw badArgument(name, `is no part of credentials of the scheme '${scheme}'`);
  }
}

/** Of credentials that were taken. */
export function userOf(credentials: Credentials): LinkUser {
  switch (credentials.scheme) {
    case 'jwt':
      return new TokenUser(credentials.token);
    case 'certificate':
      return new CertificateUser();
    default:
      return new ScramUser(credentials);
  }
}
