/** Nodes and clients of a test, which end with it. */
import { afterEach } from 'vitest';
import type { Client } from '../../native-free/client/index.js';
import { Node, reach } from './nodes.js';

const nodes: Node[] = [];
const clients: Client[] = [];

afterEach(async () => {
  await Promise.allSettled(clients.splice(0).map((client) => client.close()));
  await Promise.all(nodes.splice(0).map((node) => node.remove()));
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
