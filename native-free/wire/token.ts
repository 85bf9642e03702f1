/** JSON Web Tokens as both sides have them: what a login by one has, and its bounds. The broker alone looks into a token. */
import type { Grant } from './access.js';

/** A token, in characters. */
export const MAX_TOKEN_CHARACTERS = 16_384;
/** RFC 7515's compact form. */
export const TOKEN_PATTERN = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/** Of a hello. */
export interface TokenCredentials {
  scheme: 'jwt';
  token: string;
}

/** Of a hello: whoever the connection's own certificate is of. */
export interface CertificateCredentials {
  scheme: 'certificate';
}

/** What a token says of its user's rights. Those of the user's own name in the table are not added to it. */
export interface TokenRights {
  /** The broker's own; one that there is not gives nothing. */
  roles: string[];
  grants: Grant[];
}
