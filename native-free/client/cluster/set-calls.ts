/** Calls that go to each broker set of a cluster, and what became of them there. */
import { RingMQError } from '../../wire/index.js';
import { ControlAdmin } from '../admin.js';
import { asRingMQError } from '../failures.js';
import { badArgument } from '../options.js';
import type { SetLink } from './set-link.js';

/** What became of a call at each set. */
export interface Outcomes<T> {
  done: { set: string; value: T }[];
  failed: { set: string; error: RingMQError }[];
}

/** The broker sets there are. */
export interface AdministeredSets {
  /** Why the client is over, if it is. */
  readonly failure: RingMQError | null;
  readonly keeper: { readonly cluster: string | null };
  /** In the order of their names. */
  links(): SetLink[];
  warn(message: string, details: Record<string, unknown>): void;
}

/** Codes of a set that does not answer: it learns of topics when it is back. */
export const AWAY = ['CONNECTION_LOST', 'TIMEOUT', 'NOT_MASTER'];

export class SetCalls {
  readonly #brokers: AdministeredSets;

  constructor(brokers: AdministeredSets) {
    this.#brokers = brokers;
  }

  /** Calls each set's broker. What is wrong with the arguments is thrown as it is; one that is away has failed. */
  async each<T>(
    call: (admin: ControlAdmin, link: SetLink) => Promise<T>,
    only?: readonly string[],
    /** The argument that says which. */
    named = 'brokerSet',
  ): Promise<Outcomes<T>> {
    const links = this.chosen(only, named);
    const outcomes: Outcomes<T> = { done: [], failed: [] };
    const results = await Promise.allSettled(
      links.map(async (link) => {
        await link.known();
        if (!link.connection.isOpen) {
          const { trouble } = link.connection.produce;
          if (trouble?.code === 'NOT_AUTHENTICATED') {
            throw trouble;
          }
          throw new RingMQError('CONNECTION_LOST', `the broker set ${link.set} cannot be reached`);
        }
        const { connection } = link;
        const admin = new ControlAdmin(connection.requests, (topic) => connection.news.topicChanged(topic));
        return call(admin, link);
      }),
    );
    for (const [i, result] of results.entries()) {
      const { set } = links[i] as SetLink;
      if (result.status === 'fulfilled') {
        outcomes.done.push({ set, value: result.value });
        continue;
      }
      const error = asRingMQError(result.reason);
      if (error.code === 'BAD_ARGUMENT' || error.code === 'ABORTED') {
        throw error;
      }
      outcomes.failed.push({ set, error });
    }
    return outcomes;
  }

  /**
   * Throws if no set has an answer. What `passed` says is no failure where another set has one; of others it
   * is told that their part is missing.
   */
  checkAnswered<T>(what: string, outcomes: Outcomes<T>, passed: readonly string[] = []): void {
    if (outcomes.done.length === 0) {
      throwFailed(what, outcomes, passed);
    }
    for (const { set, error } of outcomes.failed) {
      if (!passed.includes(error.code)) {
        this.#brokers.warn(`the answer to ${what} is without the broker set ${set}: ${error.message}`, {
          code: error.code,
          brokerSet: set,
        });
      }
    }
  }

  chosen(only: readonly string[] | undefined, named: string): SetLink[] {
    if (this.#brokers.failure !== null) {
      throw this.#brokers.failure;
    }
    const links = this.#brokers.links();
    if (only === undefined) {
      if (links.length === 0) {
        throw new RingMQError('CONNECTION_LOST', 'the cluster has no broker yet');
      }
      return links;
    }
    if (!Array.isArray(only) || only.length === 0) {
      throw badArgument(named, 'must be the name of a broker set');
    }
    return only.map((set) => {
      const link = links.find((each) => each.set === set);
      if (link === undefined) {
        const sets = links.map((each) => each.set).join(', ');
        throw badArgument(named, `says '${String(set)}', and the cluster has the broker sets ${sets}`);
      }
      return link;
    });
  }

  /** The set whose queue is meant, for `each`: it has to be said where there are several. */
  theOne(brokerSet: string | undefined): string[] | undefined {
    if (brokerSet === undefined && this.#brokers.links().length > 1) {
      throw badArgument('brokerSet', 'says whose queue is meant, where the cluster has several broker sets');
    }
    return brokerSet === undefined ? undefined : [brokerSet];
  }
}

/** Throws if the call failed at a set. `passed`: what a set may say, as long as another one did it. */
export function throwFailed<T>(what: string, { done, failed }: Outcomes<T>, passed: readonly string[]): void {
  const isPassed =
    done.length > 0 ? failed.every(({ error }) => passed.includes(error.code)) : failed.length === 0;
  if (isPassed) {
    return;
  }
  // What the sets agree on is the answer; else what weighs most is told, and where it holds.
  const telling = failed.find(({ error }) => !passed.includes(error.code)) ?? failed[0];
  const { error } = telling as { error: RingMQError };
  const isAll = done.length === 0 && failed.every((each) => each.error.code === error.code);
  const sets = failed.filter((each) => !passed.includes(each.error.code)).map(({ set }) => set);
  const where = sets.length === 0 ? failed.map(({ set }) => set) : sets;
  const doneAt = done.length === 0 ? '' : `; it is done at ${done.map(({ set }) => set).join(', ')}`;
  const message = isAll ? error.message : `${what} failed at ${where.join(', ')}${doneAt}: ${error.message}`;
  throw new RingMQError(error.code, message, {
    cause: error,
    details: {
      ...error.details,
      failedSets: failed.map((each) => ({ brokerSet: each.set, code: each.error.code })),
      doneSets: done.map(({ set }) => set),
    },
  });
}
