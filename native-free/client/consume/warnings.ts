/** What goes wrong without ending a consumer: told, and not too often. */
import { monotonicMs } from '../../time/index.js';
import { callUser } from '../callback.js';
import type { ConsumerWarning } from './types.js';

/** The same is told again after so long at the earliest. */
const REPEAT_MS = 10_000;
/** Kinds of warnings remembered; with more of them some are told more often. */
const MAX_KINDS = 1_024;

export class Warnings {
  readonly #tell: (warning: ConsumerWarning) => void;
  readonly #toldAt = new Map<string, number>();

  constructor(tell: ((warning: ConsumerWarning) => void) | undefined) {
    this.#tell = tell ?? ((warning) => console.warn(`ringmq: ${warning.message}`));
  }

  /** `about`: what makes a warning of a queue another one, like the offset. */
  tell(warning: ConsumerWarning, about: string | number = ''): void {
    const kind = `${warning.type} ${warning.topic} ${warning.brokerSet ?? ''} ${warning.queueId ?? ''} ${warning.error?.code ?? ''} ${about}`;
    const now = monotonicMs();
    if (now - (this.#toldAt.get(kind) ?? Number.NEGATIVE_INFINITY) < REPEAT_MS) {
      return;
    }
    if (this.#toldAt.size >= MAX_KINDS) {
      this.#toldAt.clear();
    }
    this.#toldAt.set(kind, now);
    callUser(this.#tell, warning);
  }
}
