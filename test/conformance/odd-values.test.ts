/**
 * Every public function, with everything that a program may give it by mistake: it works, or it is refused at the call, by a code and the name of
 * what cannot be used. The table must have each function that there is.
 */
import vm from 'node:vm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as library from '../../broker/index.js';
import { makeDirectory, removeDirectory, SMALL } from '../faults/small-broker.js';
import { ADMIN, type Call, CLIENT, CONSUMER, PRODUCER } from './odd-calls.js';
import { faultsOf } from './odd-check.js';
import { BROKER, closeSpareBroker, EXPORTS, INTERNAL, type NodePlace } from './odd-exports.js';
import { oddValues } from './odd-list.js';
import { EACH_AND_CLUSTER, Rig } from './rig.js';

const ODD = oddValues((code) => vm.runInNewContext(code));

/** Functions of a public object that the table must have. */
function functionsOf(object: object): string[] {
  const names = new Set<string>();
  for (let at = object; at !== Object.prototype && at !== null; at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at)) {
      const property = Object.getOwnPropertyDescriptor(at, name);
      if (name !== 'constructor' && typeof property?.value === 'function') {
        names.add(name);
      }
    }
  }
  return [...names].sort();
}

describe.each(EACH_AND_CLUSTER.filter(({ name }) => name === 'embedded' || name === 'cluster'))(
  '$name',
  (one) => {
    const rig = new Rig(one, { flush: 'async' });
    const directory = makeDirectory();
    let place: NodePlace;
    beforeAll(async () => {
      await rig.open();
      const client = await rig.client();
      const broker = await library.openBroker({ ...SMALL, dataDir: directory });
      await client.admin().createTopic({ topic: 'sound', queues: 1 });
      await client.producer().send({ topic: 'sound', body: '1' });
      place = {
        ...{ client, topic: 'sound', broker, directory },
        spareClient: () => broker.client(),
        placed: (where) => rig.placed(where),
      };
    });
    afterAll(async () => {
      await rig.closeClients();
      await rig.close();
      await place.broker.close();
      await closeSpareBroker();
      removeDirectory(directory);
    });
    for (const [kind, table] of Object.entries({
      ADMIN,
      PRODUCER,
      CONSUMER,
      CLIENT,
      ...(one.name === 'embedded' ? { BROKER, EXPORTS } : {}),
    })) {
      test(`${kind} names`, async () => {
        if (kind === 'EXPORTS') {
          const functions = Object.entries(library).filter(
            ([, value]) => typeof value === 'function' && !/^class /.test(String(value)),
          );
          const names = functions.map(([name]) => name).filter((name) => name !== 'isRingMQError');
          expect(names.sort()).toEqual(Object.keys(table).sort());
          return;
        }
        const on = (await (Object.values(table)[0] as Call<NodePlace>).on?.(place)) as object;
        const internal = INTERNAL[kind] ?? [];
        expect(functionsOf(on).filter((name) => !internal.includes(name))).toEqual(Object.keys(table).sort());
      });
      for (const [name, call] of Object.entries(table)) {
        test(`${kind} ${name}`, async () => {
          const faults = await faultsOf(place, name, call, ODD, library);
          expect(faults.join('\n')).toBe('');
        }, 120_000);
      }
    }
  },
);
