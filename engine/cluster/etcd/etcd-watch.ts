/**
 * Tells that something below a prefix has changed. It carries no values: whoever hears it reads again, so a
 * change that was missed between two connections costs a delay and never a wrong view.
 */
import { clearInterval, monotonicMs, setInterval, setTimeout } from '../../../native-free/time/index.js';
import { type EtcdClient, prefixEnd, type WatchStream } from './etcd-client.js';

/** A stream that has said nothing for so long, although it was asked for its progress, is dead. */
const SILENCE_MS = 2_500;
const ASK_MS = 1_000;
const AGAIN_MS = 500;

export class EtcdWatch {
  readonly #client: EtcdClient;
  readonly #prefix: string;
  readonly #onChange: () => void;
  readonly #timer: ReturnType<typeof setInterval>;
  #stream: WatchStream | undefined;
  #heardAtMs = 0;
  #isClosed = false;

  constructor(client: EtcdClient, prefix: string, onChange: () => void) {
    this.#client = client;
    this.#prefix = prefix;
    this.#onChange = onChange;
    this.#timer = setInterval(() => this.#lookAfter(), ASK_MS);
    this.#open();
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#stream?.stream.cancel();
  }

  #open(): void {
    if (this.#isClosed) {
      return;
    }
    let opened: WatchStream;
    try {
      opened = this.#client.openWatch();
    } catch {
      // The client is closed.
      return;
    }
    const { stream } = opened;
    this.#stream = opened;
    this.#heardAtMs = monotonicMs();
    let isOver = false;
    const over = (): void => {
      if (isOver) {
        return;
      }
      isOver = true;
      if (this.#stream === opened) {
        this.#stream = undefined;
      }
      stream.cancel();
      if (!this.#isClosed) {
        setTimeout(() => this.#open(), AGAIN_MS);
      }
    };
    stream.on('data', ({ events, created, canceled }) => {
      this.#heardAtMs = monotonicMs();
      if (canceled === true) {
        over();
        return;
      }
      // Whatever happened before the watch stood is behind `created`.
      if (created === true || (events as unknown[]).length > 0) {
        this.#onChange();
      }
    });
    stream.on('error', over);
    stream.on('end', over);
    stream.write({
      create_request: { key: Buffer.from(this.#prefix), range_end: prefixEnd(this.#prefix) },
    });
  }

  #lookAfter(): void {
    const opened = this.#stream;
    if (opened === undefined) {
      return;
    }
    if (monotonicMs() - this.#heardAtMs > SILENCE_MS) {
      // Half open, as a rule: nothing ends it but us.
      opened.suspect();
      opened.stream.cancel();
      return;
    }
    opened.stream.write({ progress_request: {} });
  }
}
