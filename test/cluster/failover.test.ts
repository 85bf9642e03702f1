/**
 * One set and two name servers, played at random: restarts, promotions, cut links, name servers that begin
 * anew, brokers that fall silent, a clock that jumps ahead. Nobody is master beside a later one for longer
 * than it takes to hear of it, and both name servers end with the same.
 */

import { expect, it } from 'vitest';
import { bestMaster, isReplaced } from '../../engine/cluster/mastership.js';
import { RouteTable } from '../../engine/cluster/route-table.js';
import type { MasterInfo, NodeRole } from '../../native-free/wire/index.js';
import { fc } from '../properties.js';
import { registration } from './registrations.js';

/** More of them: RINGMQ_FUZZ_RUNS. A failure names its seed and path. */
const RUNS = Number(process.env['RINGMQ_FUZZ_RUNS'] ?? 1_000);
/** A promotion goes to the next multiple of it, a restart up by one. */
const LEAP = 1_024;
const NAMES = ['a', 'a-slave-1', 'a-slave-2'];

interface SimulatedBroker {
  readonly name: string;
  role: NodeRole;
  epoch: number;
  isUp: boolean;
  /** By name server; undefined: cut, or not made yet. */
  readonly links: Map<number, number>;
  readonly cut: Set<number>;
  /** Of a slave, as it follows. */
  master: MasterInfo | null;
}

class World {
  nowMs = 0;
  #nextLink = 1;
  readonly brokers: SimulatedBroker[] = NAMES.map((name, i) => ({
    name,
    role: i === 0 ? 'master' : 'slave',
    epoch: 1,
    isUp: true,
    links: new Map(),
    cut: new Set(),
    master: null,
  }));
  readonly servers = [this.#server(), this.#server()];

  #server(): RouteTable {
    return new RouteTable({}, { onChanged: () => {}, onLinkEnded: () => {} }, this.nowMs);
  }

  beginAnew(server: number): void {
    this.servers[server] = this.#server();
    for (const broker of this.brokers) {
      broker.links.delete(server);
    }
  }

  /** The broker's process ends, and the name servers see it. */
  down(broker: SimulatedBroker): void {
    broker.isUp = false;
    for (const [server, link] of broker.links) {
      this.servers[server]?.unregister(link, this.nowMs);
    }
    broker.links.clear();
  }

  /** Starts as what it was, unless a name server that it reaches knows another master. */
  up(broker: SimulatedBroker): void {
    if (broker.isUp) {
      return;
    }
    broker.isUp = true;
    const other = bestMaster(
      this.servers.map((table, i) => {
        const master = broker.cut.has(i) ? null : (table.route({}, this.nowMs).sets[0]?.master ?? null);
        return master?.name === broker.name ? null : master;
      }),
    );
    if (broker.role === 'master' && other === null) {
      broker.epoch++;
    } else {
      broker.role = 'slave';
    }
  }

  promote(broker: SimulatedBroker): void {
    if (broker.isUp && broker.role === 'slave') {
      broker.role = 'master';
      broker.epoch = (Math.floor(broker.epoch / LEAP) + 1) * LEAP;
    }
  }

  exchange(broker: SimulatedBroker, server: number): void {
    const table = this.servers[server];
    if (table === undefined || !broker.isUp || broker.cut.has(server)) {
      return;
    }
    const link = broker.links.get(server) ?? this.#nextLink++;
    broker.links.set(server, link);
    const { name, role, epoch } = broker;
    const answer = table.register(link, registration({ name, set: 'a', role, epoch }), this.nowMs);
    if (role === 'master' && isReplaced(broker, answer)) {
      broker.role = 'slave';
      broker.epoch = Math.max(epoch, answer.master?.epoch ?? 0);
    } else if (role === 'slave' && answer.master !== null && answer.master.epoch >= epoch) {
      broker.master = answer.master;
      broker.epoch = answer.master.epoch;
    }
  }

  /** Every link stands, everybody talks to everybody until nothing is new. */
  settle(): void {
    for (const broker of this.brokers) {
      broker.cut.clear();
      this.up(broker);
    }
    for (let round = 0; round < 6; round++) {
      for (const broker of this.brokers) {
        this.exchange(broker, 0);
        this.exchange(broker, 1);
      }
    }
  }

  masters(): SimulatedBroker[] {
    return this.brokers.filter(({ isUp, role }) => isUp && role === 'master');
  }
}

const steps = fc.array(
  fc.record({
    kind: fc.constantFrom(
      ...[
        'exchange',
        'exchange',
        'exchange',
        'exchange',
        'down',
        'up',
        'promote',
        'cut',
        'heal',
        'anew',
        'jump',
      ],
    ),
    broker: fc.nat(NAMES.length - 1),
    server: fc.nat(1),
  }),
  { maxLength: 80 },
);

function step(world: World, kind: string, broker: SimulatedBroker, server: number): void {
  switch (kind) {
    case 'down':
      world.down(broker);
      break;
    case 'up':
      world.up(broker);
      break;
    case 'promote':
      world.promote(broker);
      break;
    case 'cut':
      // The name server does not hear of it: the connection is half open.
      broker.cut.add(server);
      broker.links.delete(server);
      break;
    case 'heal':
      broker.cut.delete(server);
      break;
    case 'anew':
      world.beginAnew(server);
      break;
    case 'jump':
      world.nowMs += 130_000;
      for (const table of world.servers) {
        table.expire(world.nowMs);
      }
      break;
    default:
      world.exchange(broker, server);
  }
}

it('a set ends with one master, of the highest epoch of those that are there, and all name servers say so', () => {
  fc.assert(
    fc.property(steps, (given) => {
      const world = new World();
      for (const { kind, broker, server } of given) {
        step(world, kind, world.brokers[broker] as SimulatedBroker, server);
        world.nowMs += 10;
        for (const table of world.servers) {
          const { sets } = table.route({}, world.nowMs);
          const master = sets[0]?.master;
          const status = table.status(null, world.nowMs).brokers;
          const highest = Math.max(0, ...status.filter(({ up }) => up).map(({ epoch }) => epoch));
          // Whom a name server calls master has named the highest epoch of all that it hears.
          expect(master === undefined || master === null || master.epoch >= highest).toBe(true);
        }
      }
      world.settle();
      const [one, two] = world.servers.map((table) => table.route({}, world.nowMs).sets[0]?.master ?? null);
      expect(two).toEqual(one);
      expect(world.masters().length).toBeLessThanOrEqual(1);
      const [master] = world.masters();
      expect(one?.name ?? null).toBe(master?.name ?? null);
      for (const broker of world.brokers.filter(({ role }) => role === 'slave')) {
        expect(master === undefined || broker.master?.name === master.name).toBe(true);
      }
    }),
    { numRuns: RUNS },
  );
});
