/** What name servers say of a broker's set, asked once, on connections of their own. */
import { isProof, newNonce, routeProof } from '../engine/cluster/proof.js';
import type { SetRoute } from '../native-free/wire/index.js';
import { NameServerLink } from './name-server-link.js';

/** One that does not answer within this time is as one that is not there: a broker starts without name servers, too. */
const ASK_MS = 1_000;

export interface SetSought {
  readonly nameServers: readonly string[];
  readonly secret: Uint8Array | null;
  readonly cluster: string;
  readonly set: string;
}

/** The set as each name server that answers has it. Never rejects. */
export async function setRoutes(sought: SetSought, askMs = ASK_MS): Promise<SetRoute[]> {
  const routes = await Promise.all(sought.nameServers.map((url) => ask(url, sought, askMs)));
  return routes.filter((route) => route !== null);
}

function ask(url: string, sought: SetSought, askMs: number): Promise<SetRoute | null> {
  return new Promise((resolve) => {
    const end = (route: SetRoute | null): void => {
      link.close();
      resolve(route);
    };
    const link = new NameServerLink(
      url,
      'ringmq-broker',
      {
        onOpen: ({ nonce = '' }) => {
          routeOn(link, nonce, sought).then(end, () => end(null));
        },
        onEvent: () => undefined,
        onLost: () => end(null),
      },
      { answerMs: askMs },
    );
    link.open();
  });
}

async function routeOn(
  link: NameServerLink,
  serverNonce: string,
  { cluster, set, secret }: SetSought,
): Promise<SetRoute | null> {
  const nonce = newNonce();
  const route = await link.ask('route', { cluster, nonce });
  if (secret !== null && !isProof(route.proof, routeProof(secret, serverNonce, nonce, route))) {
    return null;
  }
  return route.sets.find((each) => each.set === set) ?? null;
}
