/**
 * Every interleaving of a few actors over the real ring code, in one thread.
 *
 * The global Atomics functions are patched, and the ring's bytes are a proxy, so that every atomic operation
 * and every run of plain accesses to bytes is a place where the scheduler may switch. An actor cannot be
 * stopped in the middle of a function, so it is run again from its beginning for each step: what it did
 * before is replayed from its log (nothing is touched), then one operation is done for real, then a pause is
 * thrown. What an actor knows follows from its log alone, so two schedules that lead to the same memory and
 * the same logs have the same future: each such state is explored once, and the schedules through it are
 * counted. Nothing is left out: no bound on switches or depth but the actors' own ends.
 */
import { SharedState, StateHash } from './shared-state.js';

const OP = { load: 0, store: 1, compareExchange: 2, dataRead: 3, dataWrite: 4, observe: 5 } as const;

const PAUSE = Symbol('pause');

/** What an actor's body works with. */
export interface ActorIo {
  /** The bytes, with each run of accesses a step of its own. */
  bytes(real: Uint8Array): Uint8Array;
  /** Ends a run of accesses to bytes: others may come between. */
  split(): void;
  /** Reads anything outside the shared memory (`ghost`, …) as a step of its own. */
  observe(read: () => number): number;
  /** The next step is taken only when `guard` (over memory and ghost) holds: a loop that waits, without its idle turns. */
  wait(guard: () => boolean): void;
  /** Writes to the ghost state, together with the step before. */
  note(index: number, value: number): void;
  /** All that the body has to know from here on: it begins here next time, with this as `local`. Keeps logs short, states few. */
  checkpoint(local: number[]): void;
}

export interface ActorSpec {
  readonly name: string;
  /** Runs from its beginning for every step, so it makes all it needs itself, and has no `finally`. */
  readonly body: (io: ActorIo, local: readonly number[]) => void;
  /** May be terminated between any two of its steps. */
  readonly killable?: boolean;
  /** Loads and stores that nobody else can tell: no switch is tried before them. */
  readonly isPrivate?: (array: Int32Array, word: number, isStore: boolean) => boolean;
}

export interface ExploreOptions {
  readonly actors: ActorSpec[];
  /** All the memory the actors share. */
  readonly memory: SharedArrayBuffer[];
  /** State that is not the ring's: what the test itself remembers. */
  readonly ghost: Int32Array;
  /** Called when an actor is terminated. */
  readonly onKill?: (actor: number) => void;
  readonly maxKills?: number;
  /** Called at the end of every schedule. */
  readonly atEnd: () => void;
  readonly maxStates: number;
}

export interface Explored {
  states: number;
  steps: number;
  /** Complete interleavings that the states stand for. */
  schedules: number;
  kills: number;
}

/** A schedule that breaks a promise: the message ends with the actors in the order of their steps. */
export class Violation extends Error {}

class Actor {
  readonly spec: ActorSpec;
  local: readonly number[] = [];
  log: number[] = [];
  /** Operation and place of each entry of `log`, to notice a body that does not repeat itself. */
  signatures: number[] = [];
  cursor = 0;
  budget = 0;
  inData = false;
  finished = false;
  killed = false;
  guard: (() => boolean) | null = null;

  constructor(spec: ActorSpec) {
    this.spec = spec;
  }
}

type ActorState = Pick<Actor, 'local' | 'log' | 'signatures' | 'finished' | 'killed' | 'guard'>;

const real = {
  load: Atomics.load,
  store: Atomics.store,
  compareExchange: Atomics.compareExchange,
};

export class Explorer {
  readonly #options: ExploreOptions;
  readonly #actors: Actor[];
  readonly #shared: SharedState;
  readonly #visited = new Map<number, number>();
  readonly #path: string[] = [];
  readonly #result: Explored = { states: 0, steps: 0, schedules: 0, kills: 0 };
  #current: Actor | null = null;

  constructor(options: ExploreOptions) {
    this.#options = options;
    this.#actors = options.actors.map((spec) => new Actor(spec));
    this.#shared = new SharedState([
      ...options.memory.map((buffer) => new Int32Array(buffer)),
      options.ghost,
    ]);
  }

  /** Explores all schedules. @throws Violation with the schedule that led to what failed. */
  run(): Explored {
    this.#patch();
    try {
      for (const actor of this.#actors) {
        this.#step(actor, 0);
      }
      this.#result.schedules = this.#explore();
      return this.#result;
    } catch (error) {
      throw new Violation(`${(error as Error).message}\n  schedule: ${compress(this.#path)}`, {
        cause: error,
      });
    } finally {
      Object.assign(Atomics, real);
    }
  }

  #patch(): void {
    const patched = {
      load: (array: Int32Array, word: number) => this.#atomic(OP.load, array, word, 0, 0),
      store: (array: Int32Array, word: number, value: number) =>
        this.#atomic(OP.store, array, word, value, 0),
      compareExchange: (array: Int32Array, word: number, expected: number, value: number) =>
        this.#atomic(OP.compareExchange, array, word, expected, value),
    };
    Object.assign(Atomics, patched);
  }

  #explore(): number {
    const key = this.#key();
    const known = this.#visited.get(key);
    if (known !== undefined) {
      return known;
    }
    if (++this.#result.states > this.#options.maxStates) {
      throw new Error(`more than ${this.#options.maxStates} states`);
    }
    const saved = this.#save();
    let schedules = 0;
    let moved = false;
    for (const [index, actor] of this.#actors.entries()) {
      if (actor.finished || actor.killed) {
        continue;
      }
      if (actor.guard === null || actor.guard()) {
        moved = true;
        this.#path.push(actor.spec.name);
        this.#step(actor, 1);
        schedules += this.#explore();
        this.#path.pop();
        this.#restore(saved);
      }
      if (
        actor.spec.killable &&
        this.#actors.filter((a) => a.killed).length < (this.#options.maxKills ?? 1)
      ) {
        moved = true;
        this.#path.push(`kill ${actor.spec.name}`);
        actor.killed = true;
        this.#options.onKill?.(index);
        this.#result.kills++;
        schedules += this.#explore();
        this.#path.pop();
        this.#restore(saved);
      }
    }
    if (!moved) {
      const stuck = this.#actors.filter((actor) => !actor.finished && !actor.killed);
      if (stuck.length !== 0) {
        throw new Error(`stuck: ${stuck.map((actor) => actor.spec.name).join(', ')}`);
      }
      this.#options.atEnd();
      schedules = 1;
    }
    this.#visited.set(key, schedules);
    return schedules;
  }

  /** Replays the actor and lets it do `budget` more operations. */
  #step(actor: Actor, budget: number): void {
    this.#result.steps++;
    this.#current = actor;
    actor.cursor = 0;
    actor.budget = budget;
    actor.inData = false;
    actor.guard = null;
    try {
      actor.spec.body(this.#io(actor), actor.local);
      actor.finished = true;
    } catch (error) {
      if (error !== PAUSE) {
        throw error;
      }
    } finally {
      this.#current = null;
    }
  }

  #io(actor: Actor): ActorIo {
    return {
      bytes: (bytes) => this.#proxy(bytes),
      split: () => {
        actor.inData = false;
      },
      observe: (read) => this.#access(actor, OP.observe, 0, false, read),
      wait: (guard) => {
        actor.guard = guard;
      },
      note: (index, value) => {
        // In a replay the value is there already, unless the replay is over.
        if (actor.cursor === actor.log.length) {
          this.#options.ghost[index] = value;
        }
      },
      checkpoint: (local) => {
        // At the beginning of a replay it is the checkpoint that the log starts from.
        if (actor.cursor === actor.log.length) {
          actor.local = local;
          actor.log = [];
          actor.signatures = [];
          actor.cursor = 0;
        }
      },
    };
  }

  /** One operation: from the log in a replay; else for real, after a pause when the budget is used up. */
  #access(actor: Actor, op: number, place: number, joins: boolean, perform: () => number): number {
    const signature = op * 65536 + place;
    if (actor.cursor < actor.log.length) {
      if (actor.signatures[actor.cursor] !== signature) {
        throw new Error(`${actor.spec.name} does not repeat itself`);
      }
      actor.guard = null;
      return actor.log[actor.cursor++] as number;
    }
    if (!joins || actor.guard !== null) {
      if (actor.budget === 0) {
        throw PAUSE;
      }
      actor.budget--;
    }
    actor.guard = null;
    const value = perform();
    actor.log[actor.cursor] = value;
    actor.signatures[actor.cursor] = signature;
    actor.cursor++;
    return value;
  }

  #atomic(op: number, array: Int32Array, word: number, a: number, b: number): number {
    const perform = () => {
      switch (op) {
        case OP.load:
          return real.load(array, word);
        case OP.store:
          return real.store(array, word, a);
        default:
          return real.compareExchange(array, word, a, b);
      }
    };
    const actor = this.#current;
    if (actor === null) {
      return perform();
    }
    actor.inData = false;
    const joins = actor.spec.isPrivate?.(array, word, op !== OP.load) ?? false;
    return this.#access(actor, op, word, joins, perform);
  }

  #data(op: number, place: number, perform: () => number): number {
    const actor = this.#current;
    if (actor === null) {
      return perform();
    }
    const joins = actor.inData;
    actor.inData = true;
    return this.#access(actor, op, place, joins, perform);
  }

  #proxy(bytes: Uint8Array): Uint8Array {
    const fill = (value: number, from: number, to: number) =>
      this.#data(OP.dataWrite, from, () => {
        bytes.fill(value, from, to);
        return value;
      });
    return new Proxy(bytes, {
      get: (_, property) => {
        if (property === 'fill') {
          return fill;
        }
        const place = Number(property);
        return this.#data(OP.dataRead, place, () => bytes[place] as number);
      },
      set: (_, property, value: number) => {
        const place = Number(property);
        this.#data(OP.dataWrite, place, () => {
          bytes[place] = value;
          return value;
        });
        return true;
      },
    });
  }

  #key(): number {
    const hash = new StateHash();
    this.#shared.addTo(hash);
    for (const { finished, killed, local, log } of this.#actors) {
      hash.add(finished || killed ? 1 : 0);
      if (!finished && !killed) {
        for (const value of local) {
          hash.add(value);
        }
        hash.add(-2);
        for (const value of log) {
          hash.add(value);
        }
        hash.add(-3);
      }
    }
    return hash.value();
  }

  #save(): ActorState[] {
    this.#shared.save(this.#path.length);
    return this.#actors.map(({ local, log, signatures, finished, killed, guard }) => ({
      local,
      log: log.slice(),
      signatures: signatures.slice(),
      finished,
      killed,
      guard,
    }));
  }

  #restore(saved: ActorState[]): void {
    this.#shared.restore(this.#path.length);
    for (const [index, actor] of this.#actors.entries()) {
      const { local, log, signatures, finished, killed, guard } = saved[index] as ActorState;
      actor.local = local;
      actor.log = log.slice();
      actor.signatures = signatures.slice();
      actor.finished = finished;
      actor.killed = killed;
      actor.guard = guard;
    }
  }
}

function compress(path: string[]): string {
  const runs: string[] = [];
  for (let i = 0; i < path.length; ) {
    let end = i;
    while (path[end] === path[i]) {
      end++;
    }
    runs.push(end - i === 1 ? (path[i] as string) : `${path[i]}×${end - i}`);
    i = end;
  }
  return runs.join(' ');
}
