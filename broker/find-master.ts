/** Asks name servers, before a broker opens as master, whether its set has another one. */
import { bestMaster } from '../engine/cluster/mastership.js';
import type { MasterInfo } from '../native-free/wire/index.js';
import { type SetSought, setRoutes } from './set-route.js';

export interface MasterSought extends SetSought {
  /** Of the broker that asks: it may still be in a route from before. */
  readonly name: string;
}

/** The set's master that name servers know, of the highest epoch, if it is another broker; else null. Never rejects. */
export async function findMaster(
  sought: MasterSought,
  askMs?: number,
  firstMs?: number,
): Promise<MasterInfo | null> {
  const routes = await setRoutes(sought, askMs, firstMs);
  return bestMaster(routes.map(({ master }) => (master?.name === sought.name ? null : master)));
}
