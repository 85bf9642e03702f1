/** As whom the command asks a question on a connection of its own. */
import { type LinkUser, userOf } from '../native-free/client/internal.js';
import { credentials } from './credentials.js';

export function linkUser(): LinkUser | null {
  const chosen = credentials();
  return chosen === undefined ? null : userOf(chosen);
}
