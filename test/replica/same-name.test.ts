/**
 * Names and addresses that are somebody else's: two slaves of one name, as where a directory was copied; a slave called like its master, or
 * sent to a name server, or to no RingMQ at all.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { openNameServer } from '../../broker/index.js';
import type { SetStanding } from '../../native-free/wire/index.js';
import { ask, until } from './nodes.js';
import { RepairPair } from './repair-pair.js';

it('both are told of each other, and count as one', async () => {
  const pair = new RepairPair();
  onTestFinished(() => pair.remove());
  await pair.open(pair.a);
  await pair.open(pair.s);
  const twin = pair.another(pair.s.name);
  await pair.open(twin);
  await until(() => [pair.s, twin].every(({ events }) => events.includes('sameName')));
  const { replicas } = (await ask(`ws://127.0.0.1:${pair.a.port}`, 'standing')) as SetStanding;
  expect(replicas.map(({ name }) => name)).toEqual([pair.s.name]);
});

it('a slave that is called like its master, or sent to who is none, is told what to give instead', async () => {
  const pair = new RepairPair();
  onTestFinished(() => pair.remove());
  const nameServer = await openNameServer({ port: 0 });
  onTestFinished(() => nameServer.close());
  const page = createServer((_request, response) => response.end('welcome'));
  await new Promise<void>((resolve) => page.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void page.close());
  await pair.open(pair.a);
  const told = async (name: string, master: string): Promise<string> => {
    const slave = pair.another(name);
    const events: string[] = [];
    await pair.open(slave, {
      master,
      onReplication: (event) => 'message' in event && events.push(event.message),
    });
    await until(() => events.length > 0);
    const warned = slave.warnings.filter(({ details }) => details['event'] === 'refused');
    await pair.close(slave);
    return warned[0]?.message ?? events[0] ?? '';
  };
  const master = `ws://127.0.0.1:${pair.a.port}`;
  expect(await told('a', master)).toBe(
    `this slave gets nothing from ${master}: its name is 'a', which is its master's: give it a name of its own (--name), like 'a-slave'; it tries again`,
  );
  const { replicas } = (await ask(master, 'standing')) as SetStanding;
  expect(replicas).toEqual([]);
  expect(await told('a-slave', nameServer.url)).toBe(
    `this slave gets nothing from ${nameServer.url}: this is a name server, which has no log: name it with --name-server, and leave --master out, or give there the address of the master itself; it tries again`,
  );
  expect(await told('a-slave', `ws://127.0.0.1:${(page.address() as AddressInfo).port}`)).toBe(
    'the answer was HTTP status 200, as no RingMQ broker gives: is it the address of one?',
  );
  const lost = pair.another('a-slave');
  await pair.open(lost, { nameServers: [master] });
  await until(() => lost.warnings.some(({ message }) => message.includes('no name server')));
  expect(lost.warnings.map(({ message }) => message)).toContain(
    `the name server ${master} does not know this broker: ${master} is no name server but the broker 'a': give the address of a \`ringmq nameserver\`, or, of a slave that has none, its master's with --master; trying again`,
  );
});
