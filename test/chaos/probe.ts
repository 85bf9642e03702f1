/** Sends to each broker past its link, as a client on its side of a cut does, and notes who acked in which term. */
import { setTimeout as delay } from 'node:timers/promises';
import { OneBroker } from '../../native-free/client/brokers.js';
import { LinkClient } from '../../native-free/client/client.js';
import { webSocketLinks } from '../../native-free/client/internal.js';
import { makeConnection } from '../../native-free/client/make-connection.js';
import type { ChaosNode, ChaosSet } from './chaos-set.js';
import type { History } from './history.js';

const PAUSE_MS = 100;
const SEND_MS = 1_000;

export class Probe {
  readonly #set: ChaosSet;
  readonly #topic: string;
  readonly #history: History;
  readonly #running: Promise<unknown>;
  #isStopping = false;

  constructor(set: ChaosSet, topic: string, history: History) {
    this.#set = set;
    this.#topic = topic;
    this.#history = history;
    this.#running = Promise.all(set.nodes.map((node) => this.#run(node)));
  }

  async #run(node: ChaosNode): Promise<void> {
    for (let number = 0; !this.#isStopping; number++) {
      await this.#send(node, number).catch(() => {});
      await delay(PAUSE_MS);
    }
  }

  /** On a connection of its own, so that what the welcome says of the term is true for the ack. */
  async #send(node: ChaosNode, number: number): Promise<void> {
    const connection = makeConnection(webSocketLinks(this.#set.nearUrl(node)), {
      connectTimeoutMs: SEND_MS,
      closeTimeoutMs: SEND_MS,
      reconnectMinMs: 10_000,
      reconnectMaxMs: 10_000,
    });
    const client = new LinkClient(new OneBroker(connection));
    try {
      await connection.open(undefined);
      const { welcome } = connection;
      if (welcome.role !== 'master') {
        return;
      }
      const id = `probe of ${node.name}:${number}`;
      this.#history.attempted({ id, producer: `probe of ${node.name}`, key: null, number });
      const producer = client.producer({ sendTimeoutMs: SEND_MS });
      const { queueId, offset } = await producer.send({ topic: this.#topic, body: id });
      // A connection that was made anew may be in another term.
      const master =
        connection.welcome === welcome ? { name: node.name, epoch: welcome.epoch ?? 0 } : undefined;
      const sighting = { id, set: node.set, queueId, offset, by: `probe of ${node.name}` };
      this.#history.receipts.push(master === undefined ? sighting : { ...sighting, master });
    } finally {
      await client.close().catch(() => {});
    }
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
  }
}
