/** What a program calls in Node alone, with sound arguments; and what the classes have for the library's own use. */
import * as library from '../../broker/index.js';
import { SMALL } from '../faults/small-broker.js';
import { type Call, CONNECT, closeResult, type Place, SIGNAL } from './odd-calls.js';

export interface NodePlace extends Place {
  broker: library.Broker;
  directory: string;
}

let spare: library.Broker | undefined;
let spares = 0;
/** One that may be closed. */
async function spareBroker({ directory }: NodePlace): Promise<library.Broker> {
  try {
    spare?.stats();
  } catch {
    spare = undefined;
  }
  spare ??= await library.openBroker({ ...SMALL, dataDir: `${directory}/spare-${++spares}` });
  return spare;
}
export const BROKER: Record<string, Call<NodePlace>> = {
  client: { on: ({ broker }) => broker, args: () => [], end: closeResult },
  listen: {
    on: ({ broker }) => broker,
    args: () => [
      {
        host: '127.0.0.1',
        port: 0,
        listener: 'ws',
        threads: 1,
        allowedOrigins: [],
        insecure: false,
        ...SIGNAL,
      },
    ],
    late: ['host'],
    end: closeResult,
  },
  renewSecret: { on: ({ broker }) => broker, args: () => [] },
  stats: { on: ({ broker }) => broker, args: () => [] },
  handle: { on: ({ broker }) => broker, args: () => [] },
  close: { on: spareBroker, args: () => [SIGNAL] },
};
export const EXPORTS: Record<string, Call<NodePlace>> = {
  connect: CONNECT,
  openBroker: {
    fixed: ['dataDir'],
    args: () => [
      {
        dataDir: '/proc/none',
        onWarning: () => undefined,
        onFatal: () => undefined,
        onReplication: () => undefined,
        ...SIGNAL,
      },
    ],
    end: closeResult,
  },
  openNameServer: {
    args: () => [{ port: 0, listener: 'ws', onWarning: () => undefined, ...SIGNAL }],
    end: closeResult,
  },
  attach: { args: ({ broker }) => [broker.handle(), SIGNAL], end: closeResult },
};

/** Of the same classes, for the library's own use. */
export const INTERNAL: Record<string, readonly string[]> = {
  PRODUCER: ['onBrokersChanged'],
  CONSUMER: ['finish'],
  CLIENT: ['checkOpen', 'makeProducer', 'onProducerClosed', 'onUntold', 'readers'],
  ADMIN: [
    'findAt',
    'askAccess',
    'askAudit',
    'auditAt',
    'askEach',
    'call',
    'changeAccess',
    'changeAt',
    'changeEach',
    'changeOne',
    'lagsOfEach',
    'listAccess',
  ],
  BROKER: ['fenced', 'stale'],
};
export async function closeSpareBroker(): Promise<void> {
  await spare?.close();
  spare = undefined;
}
