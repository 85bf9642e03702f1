/** What name servers say of a broker's set, asked once, on connections of their own. */
import { isProof, newNonce, routeProof } from '../engine/cluster/proof.js';
import { clearTimeout, setTimeout } from '../native-free/time/index.js';
import type { SetRoute } from '../native-free/wire/index.js';
import { type LinkMeans, NameServerLink } from './name-server-link.js';

/** After the first answer the others have this long. */
const ASK_MS = 1_000;
/**
 * Until the first one they have this long. A broker starts without name servers, too; but who starts as a
 * master without having heard that it was replaced takes messages that are cut off again.
 */
const FIRST_MS = 5_000;

export interface SetSought extends LinkMeans {
  readonly nameServers: readonly string[];
  readonly cluster: string;
  readonly set: string;
}

/** The set as each name server that answers has it. Never rejects. */
export async function setRoutes(sought: SetSought, askMs = ASK_MS, firstMs = FIRST_MS): Promise<SetRoute[]> {
  return (await allRoutes(sought, askMs, firstMs)).filter((route) => route.set === sought.set);
}

/** The same of all sets of the cluster. */
export function allRoutes(sought: SetSought, askMs = ASK_MS, firstMs = FIRST_MS): Promise<SetRoute[]> {
  return new Promise((resolve) => {
    const found: SetRoute[] = [];
    const asked = sought.nameServers.map((url) => ask(url, sought, firstMs));
    let left = asked.length;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const end = (): void => {
      clearTimeout(timer);
      for (const { link } of asked) {
        link.close();
      }
      resolve(found);
    };
    for (const { routes } of asked) {
      void routes.then((sets) => {
        found.push(...(sets ?? []));
        if (--left === 0) {
          end();
        } else if (sets !== null) {
          timer ??= setTimeout(end, askMs);
        }
      });
    }
    if (left === 0) {
      end();
    }
  });
}

/** `routes`: null where there is no answer. */
function ask(
  url: string,
  sought: SetSought,
  answerMs: number,
): { link: NameServerLink; routes: Promise<SetRoute[] | null> } {
  let resolve: (routes: SetRoute[] | null) => void = () => undefined;
  const routes = new Promise<SetRoute[] | null>((done) => {
    resolve = done;
  });
  const link = new NameServerLink(
    url,
    'ringmq-broker',
    {
      onOpen: ({ nonce = '' }) => {
        routeOn(link, nonce, sought).then(
          (sets) => resolve(sets),
          () => resolve(null),
        );
      },
      onEvent: () => undefined,
      onLost: () => resolve(null),
    },
    sought,
    { answerMs },
  );
  link.open();
  return { link, routes };
}

async function routeOn(
  link: NameServerLink,
  serverNonce: string,
  { cluster, secrets }: SetSought,
): Promise<SetRoute[]> {
  const nonce = newNonce();
  const route = await link.ask('route', { cluster, nonce });
  const isTrusted =
    secrets?.all.some((secret) => isProof(route.proof, routeProof(secret, serverNonce, nonce, route))) ??
    true;
  return isTrusted ? route.sets : [];
}
