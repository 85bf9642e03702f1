/** Logging in as whoever the connection's certificate is of: the client's half. What is shown for it was shown by TLS. */
import { RingMQError, type Welcome } from '../../wire/index.js';
import type { LinkLogin, LinkUser } from './link-user.js';

export class CertificateUser implements LinkUser {
  /** A certificate is looked at when a connection is made. */
  readonly renewal = null;

  prepare(): undefined {
    return undefined;
  }

  login(): LinkLogin {
    return new CertificateLogin();
  }
}

class CertificateLogin implements LinkLogin {
  readonly credentials = { scheme: 'certificate' } as const;

  async answer(): Promise<never> {
    throw new RingMQError('BAD_FRAME', 'a certificate was shown, and whoever answers asks for a password');
  }

  check({ user }: Welcome): void {
    if (typeof user !== 'string') {
      throw new RingMQError(
        'NOT_AUTHENTICATED',
        'whoever answers has not looked at the certificate; where a broker lets everybody in, connect without credentials',
      );
    }
  }
}
