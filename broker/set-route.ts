/** What name servers say of a broker's set, asked once, on connections of their own. */
import { isProof, newNonce, routeProof } from '../engine/cluster/proof.js';
import type { SetRoute } from '../native-free/wire/index.js';
import { type LinkMeans, NameServerLink } from './name-server-link.js';

/** One that does not answer within this time is as one that is not there: a broker starts without name servers, too. */
const ASK_MS = 1_000;

export interface SetSought extends LinkMeans {
  readonly nameServers: readonly string[];
  readonly cluster: string;
  readonly set: string;
}

/** The set as each name server that answers has it. Never rejects. */
export async function setRoutes(sought: SetSought, askMs = ASK_MS): Promise<SetRoute[]> {
  return (await allRoutes(sought, askMs)).filter((route) => route.set === sought.set);
}

/** The same of all sets of the cluster. */
export async function allRoutes(sought: SetSought, askMs = ASK_MS): Promise<SetRoute[]> {
  const routes = await Promise.all(sought.nameServers.map((url) => ask(url, sought, askMs)));
  return routes.flat();
}

function ask(url: string, sought: SetSought, askMs: number): Promise<SetRoute[]> {
  return new Promise((resolve) => {
    const end = (routes: SetRoute[]): void => {
      link.close();
      resolve(routes);
    };
    const link = new NameServerLink(
      url,
      'ringmq-broker',
      {
        onOpen: ({ nonce = '' }) => {
          routeOn(link, nonce, sought).then(end, () => end([]));
        },
        onEvent: () => undefined,
        onLost: () => end([]),
      },
      sought,
      { answerMs: askMs },
    );
    link.open();
  });
}

async function routeOn(
  link: NameServerLink,
  serverNonce: string,
  { cluster, secret }: SetSought,
): Promise<SetRoute[]> {
  const nonce = newNonce();
  const route = await link.ask('route', { cluster, nonce });
  if (secret !== null && !isProof(route.proof, routeProof(secret, serverNonce, nonce, route))) {
    return [];
  }
  return route.sets;
}
