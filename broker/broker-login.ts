/** As whom this broker comes to others of its cluster: whoever knows the secret. */
import { brokerPassword } from '../engine/access/broker-password.js';
import type { ClusterSecrets } from '../engine/access/cluster-secrets.js';
import { ScramUser } from '../native-free/client/internal.js';
import { BROKER_USER } from '../native-free/wire/index.js';

/** null: there is no secret. `needsProof`: one is not believed that asks for no login, as brokers do that let everybody in. */
export function brokerUser(secrets: ClusterSecrets | null, needsProof = true): ScramUser | null {
  return secrets === null
    ? null
    : new ScramUser(
        { scheme: 'scram', user: BROKER_USER, password: brokerPassword(secrets.first) },
        needsProof,
      );
}
