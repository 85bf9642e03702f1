/**
 * Before a slave is promoted by hand: whether another one of its set has log that it lacks. Under sync
 * replication an ack waits for `minInSync` slaves, so that with several of them what was acked may be at the
 * other one alone.
 */
import type { Lack } from '../engine/set/promotion.js';
import { ask, type ScramUser, type TlsOptions } from '../native-free/client/internal.js';
import { monotonicMs, setTimeout } from '../native-free/time/index.js';
import type { SetRoute, SetStanding, SlaveInfo } from '../native-free/wire/index.js';
import { brokerUser } from './broker-login.js';
import { linkTlsTo } from './link-tls.js';
import { type SetSought, setRoutes } from './set-route.js';

/** A slave that does not answer within this time may not be there. */
const ANSWER_MS = 2_000;
/** While the master lives, what another slave has is on its way here: so long it is waited for. */
const ARRIVAL_MS = 2_000;
const LOOK_MS = 20;
const ASK_AGAIN_MS = 200;

/** What another slave has, or may have, that this one lacks; null: nothing, as far as the name servers' slaves say. Never rejects. */
export async function lackOf(own: () => SetStanding, sought: SetSought): Promise<Lack | null> {
  const routes = await setRoutes(sought);
  const { name } = own();
  // Where clients do not log in, brokers do not either.
  const user = brokerUser(sought.secrets, false);
  const others = slavesOf(routes).filter((slave) => slave.name !== name);
  const found = await Promise.all(
    others.map((slave) => standingOf(slave, own(), user, linkTlsTo(slave.url, sought.linkTls))),
  );
  const furthest = found
    .filter((standing) => standing !== null)
    .reduce<SetStanding | null>(
      (best, standing) => (best === null || isBehind(best, standing) ? standing : best),
      null,
    );
  if (furthest !== null && !(await reaches(own, furthest))) {
    return { furthest: furthest.name, message: messageOf(own(), furthest) };
  }
  const wasInSync = (slave: string): boolean =>
    slavesOf(routes).some((each) => each.name === slave && each.inSync);
  if (wasInSync(name)) {
    return null;
  }
  const silent = others.find((slave, i) => found[i] === null && wasInSync(slave.name));
  if (silent === undefined) {
    const isMet = others.some(({ name: other }, i) => found[i] !== null && wasInSync(other));
    return isMet ? null : await behindMaster(routes, name, sought);
  }
  const message = `'${silent.name}' was in sync when this one was not, and does not answer at ${silent.url}: it may have log that this one has not`;
  return { furthest: silent.name, message };
}

/**
 * What its master acked without this one is at the master alone, as far as the other slaves can tell. A master that
 * lives may be about to say that this one has it all by now.
 */
async function behindMaster(
  routes: readonly SetRoute[],
  name: string,
  sought: SetSought,
): Promise<Lack | null> {
  const until = monotonicMs() + ARRIVAL_MS;
  let said = routes;
  while (slavesOf(said).some((slave) => slave.name === name && slave.isBehind === true)) {
    if (monotonicMs() > until) {
      return {
        furthest: null,
        message: 'its master said last that this one is not in sync: it may lack what was acked since',
      };
    }
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
    said = await setRoutes(sought);
  }
  return null;
}

function messageOf(own: SetStanding, other: SetStanding): string {
  return own.endEpoch === other.endEpoch
    ? `'${other.name}' has the log up to ${other.end}, ${other.end - own.end} bytes more than this one`
    : `'${other.name}' has log of epoch ${other.endEpoch}, this one's ends with epoch ${own.endEpoch}`;
}

/** Each once, in sync where any name server has it so. */
function slavesOf(routes: readonly SetRoute[]): SlaveInfo[] {
  const slaves = new Map<string, SlaveInfo>();
  for (const slave of routes.flatMap((route) => route.slaves)) {
    const known = slaves.get(slave.name);
    slaves.set(
      slave.name,
      known === undefined || slave.inSync || (slave.isBehind === true && !known.inSync) ? slave : known,
    );
  }
  return [...slaves.values()];
}

/** null: it does not answer, or is no slave of this log. */
async function standingOf(
  { url }: SlaveInfo,
  own: SetStanding,
  user: ScramUser | null,
  tls: TlsOptions | undefined,
): Promise<SetStanding | null> {
  try {
    const answer = (await ask(url, 'standing', {}, ANSWER_MS, user, tls)) as SetStanding;
    const isOfLog = answer.brokerId === own.brokerId && answer.brokerSet === own.brokerSet;
    const isWhole = Number.isSafeInteger(answer.end) && Number.isSafeInteger(answer.endEpoch);
    return isOfLog && isWhole && answer.role === 'slave' ? answer : null;
  } catch {
    return null;
  }
}

/** The log that ends with a later term is further, whatever its length: what the other one has behind it would be cut. */
function isBehind(one: SetStanding, other: SetStanding): boolean {
  return one.endEpoch < other.endEpoch || (one.endEpoch === other.endEpoch && one.end < other.end);
}

async function reaches(own: () => SetStanding, other: SetStanding): Promise<boolean> {
  for (const until = monotonicMs() + ARRIVAL_MS; isBehind(own(), other); ) {
    if (monotonicMs() > until) {
      return false;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return true;
}
