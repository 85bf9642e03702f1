/** As whom this broker comes to others of its cluster: whoever knows the secret. */
import { brokerPassword } from '../engine/access/broker-password.js';
import { ScramUser } from '../native-free/client/internal.js';
import { BROKER_USER } from '../native-free/wire/index.js';

/** null: there is no secret. */
export function brokerUser(secret: Uint8Array | null): ScramUser | null {
  return secret === null
    ? null
    : new ScramUser({ scheme: 'scram', user: BROKER_USER, password: brokerPassword(secret) });
}
