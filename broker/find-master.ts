/** Asks name servers, before a broker opens as master, whether its set has another one. */
import { bestMaster } from '../engine/cluster/mastership.js';
import { isProof, newNonce, routeProof } from '../engine/cluster/proof.js';
import type { MasterInfo } from '../native-free/wire/index.js';
import { NameServerLink } from './name-server-link.js';

/** One that does not answer within this time is as one that is not there: a broker starts without name servers, too. */
const ASK_MS = 1_000;

export interface MasterSought {
  readonly nameServers: readonly string[];
  readonly secret: Uint8Array | null;
  readonly cluster: string;
  readonly set: string;
  /** Of the broker that asks: it may still be in a route from before. */
  readonly name: string;
}

/** The set's master that name servers know, of the highest epoch, if it is another broker; else null. Never rejects. */
export async function findMaster(sought: MasterSought, askMs = ASK_MS): Promise<MasterInfo | null> {
  return bestMaster(await Promise.all(sought.nameServers.map((url) => ask(url, sought, askMs))));
}

function ask(url: string, sought: MasterSought, askMs: number): Promise<MasterInfo | null> {
  return new Promise((resolve) => {
    const end = (master: MasterInfo | null): void => {
      link.close();
      resolve(master);
    };
    const link = new NameServerLink(
      url,
      'ringmq-broker',
      {
        onOpen: ({ nonce = '' }) => {
          masterOn(link, nonce, sought).then(end, () => end(null));
        },
        onEvent: () => undefined,
        onLost: () => end(null),
      },
      { answerMs: askMs },
    );
    link.open();
  });
}

async function masterOn(
  link: NameServerLink,
  serverNonce: string,
  { cluster, set, name, secret }: MasterSought,
): Promise<MasterInfo | null> {
  const nonce = newNonce();
  const route = await link.ask('route', { cluster, nonce });
  if (secret !== null && !isProof(route.proof, routeProof(secret, serverNonce, nonce, route))) {
    return null;
  }
  const master = route.sets.find((each) => each.set === set)?.master ?? null;
  return master?.name === name ? null : master;
}
