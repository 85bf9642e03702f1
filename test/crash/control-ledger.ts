/** What a broker has promised of its topics, groups and offsets, and what else it may have done: a change whose answer never came. */

/** How a thing may be found: one of these. `null`: it is not there. */
type Possible<T> = Set<T | null>;

export class ControlLedger {
  /** Of topics: the number of queues. */
  readonly topics = new Map<string, Possible<number>>();
  /** Of groups: the offset that their one queue was set to; -1: there was none. */
  readonly groups = new Map<string, Possible<number>>();
  /** The reading group has committed so far at least. */
  committed = 0;
  acked = 0;

  /** Does what makes `name` become `value`: until it is answered, either may be found. */
  async change<T>(
    things: Map<string, Possible<T>>,
    name: string,
    value: T | null,
    work: () => Promise<unknown>,
  ): Promise<void> {
    const possible = things.get(name) ?? new Set([null]);
    things.set(name, possible);
    possible.add(value);
    await work();
    possible.clear();
    possible.add(value);
    this.acked++;
  }

  /** Those that are there for sure. */
  known<T>(things: Map<string, Possible<T>>): string[] {
    return [...things]
      .filter(([, possible]) => possible.size === 1 && !possible.has(null))
      .map(([name]) => name);
  }

  /** Compares what is there with what may be; takes what was found as what is. */
  settle<T>(kind: string, things: Map<string, Possible<T>>, found: ReadonlyMap<string, T>): string[] {
    const faults: string[] = [];
    for (const [name, possible] of things) {
      const is = found.get(name) ?? null;
      if (!possible.has(is)) {
        faults.push(`${kind} ${name} is ${is}, and may be ${[...possible].join(' or ')}`);
      }
      if (is === null) {
        things.delete(name);
      } else {
        things.set(name, new Set([is]));
      }
    }
    for (const name of found.keys()) {
      if (!things.has(name)) {
        faults.push(`${kind} ${name} is there, and nobody made it or all was deleted`);
      }
    }
    return faults;
  }
}
