/** Shows the broker another token while the connection stands, in time before the one it has expires. */
import { LongTimer, monotonicMs } from '../../time/index.js';
import { isRingMQError } from '../../wire/index.js';

/** After this part of the time that is left, whether it is the first try or not. */
const PART = 0.75;
/** Between two tries at least: so close to the end it does not matter any more. */
const MIN_WAIT_MS = 250;

export interface RenewalHost {
  /** Gets another token. */
  token(): Promise<string>;
  /** Shows it to the broker; resolves with how long it is good. */
  renew(token: string): Promise<number>;
  warn(message: string, details: Record<string, unknown>): void;
}

export class Renewal {
  readonly #host: RenewalHost;
  #timer: LongTimer | null = null;
  /** Of the link that stands. */
  #run = 0;

  constructor(host: RenewalHost) {
    this.#host = host;
  }

  /** A link stands, whose login is good for so long. */
  begin(expiresInMs: number): void {
    this.stop();
    const run = this.#run;
    this.#wait(expiresInMs, monotonicMs() + expiresInMs, run, false);
  }

  stop(): void {
    this.#run++;
    this.#timer?.cancel();
    this.#timer = null;
  }

  #wait(leftMs: number, endsAt: number, run: number, isTold: boolean): void {
    this.#timer = new LongTimer(Math.max(MIN_WAIT_MS, leftMs * PART), () => {
      void this.#try(endsAt, run, isTold);
    }).unref();
  }

  /** Never rejects. */
  async #try(endsAt: number, run: number, isTold: boolean): Promise<void> {
    try {
      const expiresInMs = await this.#host.renew(await this.#host.token());
      if (run === this.#run) {
        this.#wait(expiresInMs, monotonicMs() + expiresInMs, run, false);
      }
    } catch (error) {
      if (run !== this.#run) {
        return;
      }
      if (!isTold) {
        const { code, message } = isRingMQError(error) ? error : { code: 'INTERNAL', message: String(error) };
        this.#host.warn(
          `the token could not be renewed (${code}: ${message}); it is tried again until it expires`,
          {
            code,
          },
        );
      }
      if (endsAt > monotonicMs()) {
        this.#wait(endsAt - monotonicMs(), endsAt, run, true);
      }
    }
  }
}
