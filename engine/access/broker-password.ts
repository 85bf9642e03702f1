/** What brokers of a cluster log in to each other with, and what else follows from the secret that they share. */
import { createHmac } from 'node:crypto';
import { SALT_BYTES } from '../../native-free/wire/index.js';

/** The password of the brokers' own user. */
export function brokerPassword(secret: Uint8Array): string {
  return createHmac('sha256', secret).update('ringmq.broker.v1').digest('hex');
}

/** The salt of the first administrator, so that all sets of a cluster make the same one of one password. */
export function adminSalt(secret: Uint8Array): Uint8Array {
  return createHmac('sha256', secret).update('ringmq.admin-salt.v1').digest().subarray(0, SALT_BYTES);
}
