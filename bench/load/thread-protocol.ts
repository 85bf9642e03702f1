/** What the main thread and a load thread tell each other. */
import type { Driver } from './driver.js';
import type { DriverName } from './drivers/registry.js';
import type { Workload } from './workload.js';

export type Api = 'write' | 'send';

/** What comes of the wish: one that awaits acks, or whose system has but one form, uses the form that tells them. */
export function formOf(wish: Api, workload: Workload, driver: Driver): Api {
  return driver.hasWrite && workload.maxInFlight === null ? wish : 'send';
}

/** A thread's share of the work. */
export interface ThreadSetup {
  driver: DriverName;
  url: string;
  workload: Workload;
  api: Api;
  /** Of this run alone, in every body. */
  run: number;
  /** Times in bodies count from here. */
  epochMs: number;
  /** `index` is unique among all threads. */
  producers: { index: number; topic: string }[];
  consumers: { topic: string; group: string; subscription: number }[];
  /** Of all threads. */
  totalProducers: number;
  counters: Float64Array;
}

export interface ProduceOrder {
  startMs: number;
  /** Of all producers together; 0: as fast as it goes. */
  rate: number;
  measureFromMs: number;
  measureToMs: number;
}

export type Command =
  | { do: 'open-producers' }
  | { do: 'open-consumers' }
  /** Begins, or goes on at another rate. */
  | { do: 'produce'; order: ProduceOrder }
  /** Nothing more is sent; done when all is settled. */
  | { do: 'stop' }
  /** Closes everything; the answer is a {@link ThreadResult}. */
  | { do: 'finish' };

export type Answer = { ok: true; result: ThreadResult | null } | { ok: false; error: string };

export interface ThreadResult {
  /** Encoded histograms. */
  sendFromActual: string;
  sendFromIntended: string;
  endToEnd: string;
  sentBy: { producer: number; sent: number; failed: number }[];
  seen: { subscription: number; producer: number; words: Uint32Array }[];
  duplicates: number;
  damaged: number;
  foreign: number;
  /** Texts of the first errors. */
  errors: string[];
}
