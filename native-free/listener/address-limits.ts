/** How many connections one address may have, and how many it may make a second, on all threads of a listener together. */
import { monotonicMs } from '../time/index.js';
import { networkOf } from '../wire/index.js';
import { AddressTable, createAddressTable } from './address-table.js';

/** Seconds' worth of new connections that may come at once. */
const AT_ONCE_MS = 5_000;
/** Of a thread that was given no table: it is the only one. */
const ALONE_CONNECTIONS = 16_384;

export interface AddressLimitOptions {
  /** 0: no limit. */
  readonly connections: number;
  /** New ones, a second. 0: no limit. */
  readonly perSecond: number;
  /** What all threads share; null: there is one. */
  readonly table?: SharedArrayBuffer | null;
}

/** This thread's connections of one address. */
interface Own {
  readonly key: number;
  count: number;
}

export class AddressLimits {
  readonly #options: AddressLimitOptions;
  readonly #now: () => number;
  readonly #own = new Map<string, Own>();
  /** null: there is no limit. */
  readonly #table: AddressTable | null;
  #generation: number;

  constructor(options: AddressLimitOptions, now: () => number = monotonicMs) {
    this.#options = options;
    this.#now = now;
    this.#table = this.isOff
      ? null
      : new AddressTable(options.table ?? createAddressTable(ALONE_CONNECTIONS));
    this.#generation = this.#table?.generation ?? 0;
  }

  get isOff(): boolean {
    return this.#options.connections === 0 && this.#options.perSecond === 0;
  }

  /** Counts one that has come, whatever is said of it: `gone` is to be called. What it is too many of; null: it may stay. */
  come(address: string): string | null {
    const table = this.#table;
    if (table === null) {
      return null;
    }
    this.#countAnew(table);
    const network = networkOf(address);
    const own = this.#own.get(network) ?? { key: table.keyOf(network), count: 0 };
    own.count++;
    this.#own.set(network, own);
    const nowMs = this.#now();
    const count = table.add(own.key, 1, nowMs);
    const { connections, perSecond } = this.#options;
    if (perSecond > 0 && !table.pay(own.key, perSecond, AT_ONCE_MS, nowMs)) {
      return `new connections a second from its address, of which there may be ${perSecond}`;
    }
    return connections > 0 && count > connections
      ? `connections from its address, of which there may be ${connections}`
      : null;
  }

  gone(address: string): void {
    const network = networkOf(address);
    const own = this.#own.get(network);
    if (this.#table === null || own === undefined) {
      return;
    }
    this.#countAnew(this.#table);
    own.count--;
    if (own.count === 0) {
      this.#own.delete(network);
    }
    this.#table.add(own.key, -1, this.#now());
  }

  /** After another thread has died. */
  #countAnew(table: AddressTable): void {
    const { generation } = table;
    if (generation === this.#generation) {
      return;
    }
    this.#generation = generation;
    for (const { key, count } of this.#own.values()) {
      table.add(key, count, this.#now());
    }
  }
}
