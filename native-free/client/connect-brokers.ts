/** Connections to a broker, or to a cluster by its name servers: what a client is made over. */
import { RingMQError, type Welcome } from '../wire/index.js';
import { type Brokers, OneBroker } from './brokers.js';
import { callUser } from './callback.js';
import { Addresses } from './cluster/addresses.js';
import { ClusterBrokers } from './cluster/cluster-brokers.js';
import { asRingMQError } from './failures.js';
import { takeCredentials } from './link/credentials.js';
import { makeConnection } from './make-connection.js';
import { callbackOption, nameOption, type OptionNames, takeOptions } from './options.js';
import type { ConnectOptions } from './types.js';

const CONNECT_OPTIONS: OptionNames<ConnectOptions> = {
  name: true,
  cluster: true,
  credentials: true,
  connectTimeoutMs: true,
  requestTimeoutMs: true,
  pingIntervalMs: true,
  reconnectMinMs: true,
  reconnectMaxMs: true,
  onConnection: true,
  onWarning: true,
  signal: true,
  tls: true,
  closeTimeoutMs: true,
};

/** Whom a client of that address talks to, connected. Rejects as `connect` does. */
export async function connectBrokers(url: string | URL, given?: ConnectOptions): Promise<Brokers> {
  const options = takeOptions('connect', given, CONNECT_OPTIONS);
  callbackOption('onConnection', options.onConnection);
  if (options.cluster !== undefined) {
    nameOption('cluster', options.cluster);
  }
  const addresses = new Addresses(url, options.tls);
  const credentials = options.credentials === undefined ? undefined : takeCredentials(options.credentials);
  if (credentials?.scheme === 'jwt' && addresses.isOverheard) {
    callUser(
      options.onWarning,
      'the token passes where others can read it, and who has it is its user: use a wss:// address',
      { option: 'credentials' },
    );
  }
  let cluster: ClusterBrokers | null = null;
  /** What answered first, and has to answer again. */
  let isNameServer: boolean | null = null;
  const connection = makeConnection(addresses.open, {
    ...options,
    credentials,
    mayBeNameServer: true,
    check: (welcome) => {
      if (isNameServer !== null && isNameServer !== answersAsNameServer(welcome)) {
        throw new RingMQError(
          'CONNECTION_LOST',
          `there is ${isNameServer ? 'no' : 'a'} name server there now`,
        );
      }
      isNameServer = answersAsNameServer(welcome);
    },
    onTrouble: () => addresses.next(),
    onConnection: (state, reason) => {
      if (isNameServer === true) {
        cluster?.onNameServer(state);
      } else {
        callUser(options.onConnection, state, reason);
      }
    },
    onEvent: (event) => cluster?.onEvent(event),
  });
  await connection.open(options.signal);
  if (!isNameServer) {
    return new OneBroker(connection);
  }
  cluster = new ClusterBrokers(connection, options);
  try {
    await cluster.open(options.signal);
  } catch (error) {
    cluster.close(asRingMQError(error));
    throw error;
  }
  return cluster;
}

function answersAsNameServer({ role }: Welcome): boolean {
  return role === 'nameserver';
}
