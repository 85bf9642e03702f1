/** Answers a name server's requests: checks what came, asks for the secret's proof, and hands it to the route table. */
import {
  type ConfiguredOption,
  isNameServerMethod,
  type LogLevel,
  type NameServerMethod,
  type NameServerMethods,
  RingMQError,
} from '../../native-free/wire/index.js';
import type { ClusterSecrets } from '../access/cluster-secrets.js';
import { firstAfter, Page, pageEnd } from '../control/page.js';
import { parseNameServerParams } from './name-server-params.js';
import { brokerProof, isProof, registeredProof, routeProof } from './proof.js';
import type { RouteTable } from './route-table.js';

/** Who asks. */
export interface DeskCaller {
  readonly link: number;
  /** Of its welcome. */
  readonly nonce: string;
}

/** What the name server was started with. */
export interface OwnConfiguration {
  list(): ConfiguredOption[];
  /** @throws RingMQError NOT_SUPPORTED */
  setLogLevel(level: LogLevel): void;
}

/** What a broker's numbers and keys take in an answer, beside its names and address. */
const STATUS_BYTES = 320;

export class NameServerDesk {
  readonly #table: RouteTable;
  readonly #secrets: ClusterSecrets | null;
  readonly #nowMs: () => number;
  readonly #own: OwnConfiguration;

  constructor(
    table: RouteTable,
    secrets: ClusterSecrets | null,
    nowMs: () => number,
    own: OwnConfiguration = { list: () => [], setLogLevel: () => {} },
  ) {
    this.#table = table;
    this.#secrets = secrets;
    this.#nowMs = nowMs;
    this.#own = own;
  }

  /** @throws RingMQError NOT_SUPPORTED, BAD_REQUEST, and what the route table throws */
  answer(method: unknown, params: unknown, caller: DeskCaller): object {
    if (typeof method !== 'string') {
      throw new RingMQError('BAD_REQUEST', 'a request needs a method');
    }
    if (!isNameServerMethod(method)) {
      const name = method.slice(0, 64);
      throw new RingMQError(
        'NOT_SUPPORTED',
        `a name server knows no method ${name}; ask one of the brokers it names in \`route\``,
        { details: { method: name } },
      );
    }
    return this.#answer(method, parseNameServerParams(method, params), caller);
  }

  #answer(method: NameServerMethod, params: unknown, caller: DeskCaller): object {
    const now = this.#nowMs();
    switch (method) {
      case 'registerBroker':
        return this.#register(params as NameServerMethods['registerBroker']['params'], caller, now);
      case 'registerTopics':
        return this.#table.registerTopics(
          caller.link,
          params as NameServerMethods['registerTopics']['params'],
        );
      case 'route':
        return this.#route(params as NameServerMethods['route']['params'], caller, now);
      case 'topicRoute':
        return this.#table.topicRoute(params as NameServerMethods['topicRoute']['params']);
      case 'topicChanges':
        return this.#table.topicChanges(params as NameServerMethods['topicChanges']['params']);
      case 'clusterStatus':
        return this.#status(params as NameServerMethods['clusterStatus']['params'], now);
      case 'configuration':
        this.#checkBroker(caller);
        return { options: this.#own.list() };
      case 'setLogLevel':
        this.#checkBroker(caller);
        this.#own.setLogLevel((params as NameServerMethods['setLogLevel']['params']).level);
        return {};
    }
  }

  /** It knows no rights: brokers do, and ask for who has them. @throws RingMQError NOT_ALLOWED */
  #checkBroker({ link }: DeskCaller): void {
    if (this.#secrets !== null && !this.#table.isRegistered(link)) {
      throw new RingMQError(
        'NOT_ALLOWED',
        'a name server that has a secret tells this to registered brokers alone: ask a broker for `nameServerConfiguration`, or have it `setNameServerLogLevel`',
      );
    }
  }

  #register(given: NameServerMethods['registerBroker']['params'], caller: DeskCaller, now: number): object {
    const { proof, ...registration } = given;
    // The broker is answered with the one that it has proved.
    const secret = this.#secrets?.all.find((each) =>
      isProof(proof, brokerProof(each, caller.nonce, registration)),
    );
    if (secret === undefined && this.#secrets !== null) {
      throw new RingMQError(
        'NOT_AUTHENTICATED',
        'this name server takes brokers that know its secret: start the broker with the same --secret-file',
      );
    }
    const answer = this.#table.register(caller.link, registration, now);
    const { nonce } = registration;
    return secret === undefined || nonce === undefined
      ? answer
      : { ...answer, proof: registeredProof(secret, caller.nonce, nonce, answer) };
  }

  #route({ nonce, ...asked }: NameServerMethods['route']['params'], caller: DeskCaller, now: number): object {
    const answer = this.#table.route(asked, now);
    const secret = this.#secrets?.first;
    return secret === undefined || nonce === undefined
      ? answer
      : { ...answer, proof: routeProof(secret, caller.nonce, nonce, answer) };
  }

  #status(request: NameServerMethods['clusterStatus']['params'], now: number): object {
    const { brokers, ...rest } = this.#table.status(request.cluster, now);
    const keyOf = (broker: { set: string; name: string }): string => `${broker.set}\n${broker.name}`;
    const page = new Page<(typeof brokers)[number]>(request);
    let at = firstAfter(brokers, keyOf, request.cursor ?? null);
    for (; at < brokers.length && !page.isFull; at++) {
      const broker = brokers[at] as (typeof brokers)[number];
      page.add(broker, STATUS_BYTES + broker.name.length + broker.set.length + broker.url.length);
    }
    const last = brokers[at - 1];
    return {
      ...rest,
      brokers: page.items,
      ...pageEnd(at < brokers.length && last !== undefined ? keyOf(last) : null),
    };
  }
}
