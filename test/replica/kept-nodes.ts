/** Nodes, links and clients of a test, which end with it. */
import { afterEach } from 'vitest';
import type { Client } from '../../native-free/client/index.js';
import { FaultyLink } from '../cluster/faulty-link.js';
import { Node, reach } from './nodes.js';

const nodes: Node[] = [];
const clients: Client[] = [];
const links: FaultyLink[] = [];

afterEach(async () => {
  // First: a master that waits for a slave which is away would let the clients wait, too.
  await Promise.all(nodes.splice(0).map((node) => node.remove()));
  await Promise.allSettled(clients.splice(0).map((client) => client.close()));
  await Promise.all(links.splice(0).map((link) => link.close()));
});

/** A node that is to be started. */
export function node(name: string): Node {
  const made = new Node(name);
  nodes.push(made);
  return made;
}

/** A client that has reached the broker there. */
export async function clientOf(url: string): Promise<Client> {
  const client = await reach(url);
  clients.push(client);
  return client;
}

/** A link to a node, wherever that is when somebody connects. */
export async function linkTo(to: Node): Promise<FaultyLink> {
  const link = await FaultyLink.open(() => Number(new URL(to.url).port));
  links.push(link);
  return link;
}
