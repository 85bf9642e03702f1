/** Waiting that can be given up. */
import { clearTimeout, setTimeout } from '../time/index.js';
import { RingMQError } from '../wire/index.js';

/** The error of a call whose signal was aborted; the signal's reason is its cause. */
export function abortError(signal: AbortSignal): RingMQError {
  return new RingMQError('ABORTED', undefined, { cause: signal.reason });
}

/** Throws `ABORTED` if the signal is aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) {
    throw abortError(signal);
  }
}

interface Watch {
  readonly callbacks: Set<() => void>;
  readonly listener: () => void;
}

/** Signals that somebody waits for. */
const watches = new WeakMap<AbortSignal, Watch>();

/**
 * Calls back once when the signal is aborted; at no time if it is already. Returns what takes the callback
 * back. A signal has one listener of ours however many calls were given it: Node takes more than ten for a
 * leak and says so, and removing one of thousands means a search.
 */
export function whenAborted(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (signal === undefined || signal.aborted) {
    return () => {};
  }
  // An entry of its own: a callback that is given twice is called twice.
  const entry = () => callback();
  const { callbacks } = watches.get(signal) ?? watch(signal);
  callbacks.add(entry);
  return () => {
    if (callbacks.delete(entry) && callbacks.size === 0) {
      unwatch(signal);
    }
  };
}

function watch(signal: AbortSignal): Watch {
  const callbacks = new Set<() => void>();
  const listener = () => {
    watches.delete(signal);
    for (const callback of callbacks) {
      callbacks.delete(callback);
      callback();
    }
  };
  const watched = { callbacks, listener };
  watches.set(signal, watched);
  signal.addEventListener('abort', listener, { once: true });
  return watched;
}

function unwatch(signal: AbortSignal): void {
  const watched = watches.get(signal);
  if (watched !== undefined) {
    signal.removeEventListener('abort', watched.listener);
    watches.delete(signal);
  }
}

/** The promise, or `ABORTED` as soon as the signal is. What the promise stands for goes on. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) {
    return promise;
  }
  return new Promise<T>((resolve, reject) => {
    if (signal.aborted) {
      reject(abortError(signal));
    }
    const stop = whenAborted(signal, () => reject(abortError(signal)));
    promise.then(resolve, reject).finally(stop);
  });
}

/** Resolves after the time, or when the signal is aborted, whichever is first. */
export function pause(timeMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      stop();
      resolve();
    };
    const timer = setTimeout(done, timeMs);
    const stop = whenAborted(signal, done);
    if (signal?.aborted) {
      done();
    }
  });
}

/** Lets a process end although the timer runs; browsers have no such thing. */
export function unref(timer: unknown): void {
  if (typeof timer === 'object' && timer !== null && 'unref' in timer && typeof timer.unref === 'function') {
    timer.unref();
  }
}

/** A promise and the means to settle it. */
export class Deferred<T> {
  readonly promise: Promise<T>;
  resolve!: (value: T) => void;
  reject!: (error: unknown) => void;

  constructor() {
    this.promise = new Promise<T>((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
}
