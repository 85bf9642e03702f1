/** What a micro case is: one hot function (or a short run of them) and how much of what it does in a call. */

export interface MicroCase {
  name: string;
  /** What the figure is for: `record`, `batch`, `frame`, `claim`. */
  unit: string;
  /** Units one call of `run` does. */
  count: number;
  /** Called again and again. A promise is awaited. */
  run: () => unknown;
}

export interface MicroSuite {
  name: string;
  /** Makes what the cases work on. Each suite has a process of its own, so nothing is shared between suites. */
  open(): MicroCase[] | Promise<MicroCase[]>;
}

/** Keeps a value the compiler could otherwise find out nobody wants. */
export const sink: { value: unknown } = { value: null };
