/** Whose tokens a listener takes: its `jwt` options. */
import { z } from 'zod';
import { isTokenAlgorithm, TOKEN_ALGORITHMS } from '../engine/access/token-options.js';
import { filePath } from '../engine/option-check.js';
import { option } from '../engine/option-info.js';
import { isLoopback } from '../native-free/wire/loopback.js';

const claim = () => z.string().min(1).max(255);

/** Keys are fetched over TLS, or from this machine: whoever could change them on the way could make tokens. */
function isKeyAddress(text: string): boolean {
  if (!URL.canParse(text)) {
    return false;
  }
  const { protocol, hostname, username } = new URL(text);
  return username === '' && (protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname)));
}

export const tokenOptionsSchema = z
  .object({
    keyFile: option(
      'File of the public keys that tokens are signed with: PEM (keys, certificates), a JSON Web Key or a set of them. Read again when it has changed.',
      filePath().optional(),
      { setting: 'jwtKeys', defaultText: 'none; this or `jwt.jwksUrl` is needed' },
    ),
    jwksUrl: option(
      'Address of the set of keys, `https:` (`http:` on loopback). Asked every 10 minutes, and for a key that is not known, at most every 5 s; known keys are used for an hour while it does not answer.',
      z.string().max(2_048).refine(isKeyAddress, { message: 'must be an https:// address' }).optional(),
      { setting: 'jwtJwks', defaultText: 'none' },
    ),
    issuer: option('What the claim `iss` of a token must be.', claim(), { setting: 'jwtIssuer' }),
    audience: option(
      'What the claim `aud` must be, or have: the name that the issuer has for this cluster.',
      claim(),
      { setting: 'jwtAudience' },
    ),
    algorithms: option(
      'Which signatures are taken, whatever a token says of itself.',
      z
        .array(
          z.string().refine(isTokenAlgorithm, { message: `must be one of ${TOKEN_ALGORITHMS.join(', ')}` }),
        )
        .min(1)
        .max(TOKEN_ALGORITHMS.length)
        .default(['RS256', 'ES256', 'EdDSA']),
      { setting: 'jwtAlgorithm' },
    ),
    clockToleranceSeconds: option(
      "How far the issuer's clock may be from this machine's.",
      z.number().int().min(0).max(300).default(30),
      { setting: 'jwtClockTolerance' },
    ),
    userClaim: option('Claim with the name of the user.', claim().default('sub'), {
      setting: 'jwtUserClaim',
    }),
    rolesClaim: option(
      'Claim with names of roles, a list or one text with blanks; `a.b` is `b` inside of `a`. Without it and `jwt.grantsClaim` in a token its user has the rights it has in the table of users.',
      claim().default('roles'),
      { setting: 'jwtRolesClaim' },
    ),
    grantsClaim: option(
      'Claim with rights, a list or one text with blanks, each like `publish:topic:orders`.',
      claim().default('grants'),
      { setting: 'jwtGrantsClaim' },
    ),
  })
  .strict();

/** What is wrong with them together; null: nothing. */
export function tokenOptionsFault({ keyFile, jwksUrl }: z.output<typeof tokenOptionsSchema>): string | null {
  if ((keyFile === undefined) === (jwksUrl === undefined)) {
    return 'tokens are judged by keys of `jwt.keyFile` or of `jwt.jwksUrl`: name one of them';
  }
  return null;
}
