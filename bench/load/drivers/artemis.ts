import { once } from 'node:events';
import rhea, { type Connection, type EventContext, type Receiver, type Sender } from 'rhea';
import { clockMs } from '../clock.js';
import type { Driver, LoadProducer, LoadTopic, OnBody, SendSink } from '../driver.js';
import { asBuffer, Outstanding } from './outstanding.js';

const CREDIT = 2000;
/** An address that is made by use, with one queue that all its readers share. */
const ANYCAST = ['queue'];

/**
 * AMQP 1.0 with durable messages, each settled by the broker. A queue is an anycast address, which has one
 * group of readers: more are refused.
 */
export async function openArtemis(url: string): Promise<Driver> {
  const control = await openConnection(url);
  return {
    system: 'artemis',
    version: versionOf(control),
    hasWrite: false,
    maxInFlight: 2000,
    createTopic: async (_topic, groups) => {
      if (groups.length > 1) {
        throw new Error('the driver for Artemis knows one subscription a topic');
      }
    },
    openProducer: async (topic, sink) => {
      const connection = await openConnection(url);
      const senders: Sender[] = [];
      for (const address of addressesOf(topic)) {
        senders.push(await openSender(connection, address));
      }
      return new ArtemisProducer(connection, senders, sink);
    },
    openConsumer: async (topic, _group, onBody, onError) => {
      const connection = await openConnection(url);
      for (const address of addressesOf(topic)) {
        await openReceiver(connection, address, onBody);
      }
      let isClosing = false;
      connection.on('disconnected', ({ error }: EventContext) => {
        if (!isClosing) {
          onError(error ?? new Error('disconnected'));
        }
      });
      return {
        close: () => {
          isClosing = true;
          return closeConnection(connection);
        },
      };
    },
    close: () => closeConnection(control),
  };
}

/** `amqp://user:password@host:port`. */
async function openConnection(url: string): Promise<Connection> {
  const { hostname, port, username, password } = new URL(url);
  const connection = rhea.create_container().connect({
    host: hostname,
    port: Number(port),
    reconnect: false,
    tcp_no_delay: true,
    ...(username === '' ? {} : { username, password }),
  } as rhea.ConnectionOptions);
  await opened(connection, 'connection_open', ['connection_error', 'disconnected']);
  return connection;
}

function versionOf(connection: Connection): string {
  const remote = connection as unknown as { remote?: { open?: { properties?: { version?: unknown } } } };
  return String(remote.remote?.open?.properties?.version ?? 'unknown');
}

async function closeConnection(connection: Connection): Promise<void> {
  const closed = once(connection, 'connection_close');
  connection.close();
  await closed;
}

async function openSender(connection: Connection, address: string): Promise<Sender> {
  const sender = connection.open_sender({ target: { address, capabilities: ANYCAST }, snd_settle_mode: 0 });
  await opened(sender, 'sender_open', ['sender_error', 'sender_close']);
  return sender;
}

async function openReceiver(connection: Connection, address: string, onBody: OnBody): Promise<Receiver> {
  const source = { address, capabilities: ANYCAST };
  const receiver = connection.open_receiver({ source, credit_window: CREDIT, autoaccept: true });
  receiver.on('message', ({ message }: EventContext) => {
    const body = message?.body as { content?: Buffer } | undefined;
    if (body?.content !== undefined) {
      onBody(body.content, clockMs());
    }
  });
  await opened(receiver, 'receiver_open', ['receiver_error', 'receiver_close']);
  return receiver;
}

/** Resolves with the first event, rejects with the others. */
function opened(
  emitter: Connection | Sender | Receiver,
  event: string,
  failures: readonly string[],
): Promise<void> {
  return new Promise((resolve, reject) => {
    emitter.once(event, () => resolve());
    for (const failure of failures) {
      emitter.once(failure, (context: EventContext) => {
        const error = context.error ?? emitter.error;
        reject(new Error(`${failure}: ${error === undefined ? 'no reason given' : String(error)}`));
      });
    }
  });
}

function addressesOf({ name, queues }: LoadTopic): string[] {
  return Array.from({ length: queues }, (_, queue) => `${name}.${queue}`);
}

class ArtemisProducer implements LoadProducer {
  readonly #connection: Connection;
  readonly #senders: readonly Sender[];
  readonly #sink: SendSink;
  readonly #outstanding = new Outstanding();
  /** By slot, made once. */
  readonly #messages: rhea.Message[] = [];
  /** Slots that wait for credit, in order; those before `#waitingHead` are gone. */
  #waiting: number[] = [];
  #waitingHead = 0;
  #turn = 0;

  constructor(connection: Connection, senders: readonly Sender[], sink: SendSink) {
    this.#connection = connection;
    this.#senders = senders;
    this.#sink = sink;
    for (const sender of senders) {
      sender.on('sendable', this.#pump);
      sender.on('accepted', ({ delivery }: EventContext) => {
        this.#outstanding.remove();
        this.#sink.acked(slotOf(delivery));
      });
      for (const outcome of ['rejected', 'released', 'modified']) {
        sender.on(outcome, ({ delivery }: EventContext) => {
          this.#outstanding.remove();
          this.#sink.failed(slotOf(delivery), new Error(`Artemis has ${outcome} a message`));
        });
      }
    }
  }

  send(body: Uint8Array, slot: number): void {
    this.#outstanding.add();
    this.#messages[slot] ??= { durable: true, body: rhea.message.data_section(asBuffer(body)) };
    if (this.#waitingHead > CREDIT) {
      this.#compact();
    }
    this.#waiting.push(slot);
    this.#pump();
  }

  async flush(): Promise<void> {
    await this.#outstanding.empty();
  }

  close(): Promise<void> {
    return closeConnection(this.#connection);
  }

  readonly #pump = (): void => {
    while (this.#waitingHead < this.#waiting.length) {
      const sender = this.#senders[this.#turn] as Sender;
      if (!sender.sendable()) {
        return;
      }
      const slot = this.#waiting[this.#waitingHead++] as number;
      this.#turn = (this.#turn + 1) % this.#senders.length;
      // A slot is free again once it is settled, so its number is a tag that is unique as long as it must be.
      sender.send(this.#messages[slot] as rhea.Message, String(slot));
    }
    this.#waiting = [];
    this.#waitingHead = 0;
  };

  /** Those that are gone are taken off now and then. */
  #compact(): void {
    this.#waiting = this.#waiting.slice(this.#waitingHead);
    this.#waitingHead = 0;
  }
}

function slotOf(delivery: { tag: Buffer | string } | undefined): number {
  return Number(delivery?.tag.toString());
}
