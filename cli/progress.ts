import { roughSize } from './units.js';

/** A bar on the terminal for work that takes its time; nothing at all where no terminal is. */
export interface Progress {
  /** `done` of the total so far. Cheap: the bar redraws itself ten times a second. */
  update(done: number): void;
  stop(): void;
}

/** A bar over bytes of which more may come while it is drawn. */
export interface ByteBar {
  /** `rate` and `left`: for people. */
  update(doneBytes: number, totalBytes: number, rate: string, left: string): void;
  stop(): void;
}

export const NO_PROGRESS: Progress = { update: () => {}, stop: () => {} };

/**
 * Draws on stderr, or on stdout where only that is a terminal. `unit` is what is counted, like `messages`.
 * With a `total` of 0 (unknown) it shows the running count instead of a bar.
 */
export async function startProgress(label: string, total: number, unit: string): Promise<Progress> {
  const stream = process.stderr.isTTY ? process.stderr : process.stdout.isTTY ? process.stdout : null;
  if (stream === null) {
    return NO_PROGRESS;
  }
  const { SingleBar, Presets } = await import('cli-progress');
  const shape = total > 0 ? '{bar} {percentage}% · {value}/{total}' : '{value}';
  const bar = new SingleBar(
    {
      format: `${label} ${shape} ${unit} · {duration_formatted}`,
      stream,
      fps: 10,
      hideCursor: true,
      clearOnComplete: true,
      formatValue: (value, _options, type) =>
        type === 'value' || type === 'total' ? value.toLocaleString('en') : String(value),
    },
    Presets.shades_classic,
  );
  bar.start(total, 0);
  return { update: (done) => bar.update(done), stop: () => bar.stop() };
}

/** For a stream that is a terminal: what opens a bar on it. */
export async function byteBars(stream: NodeJS.WritableStream, label: string): Promise<() => ByteBar> {
  const { SingleBar, Presets } = await import('cli-progress');
  return () => {
    const bar = new SingleBar(
      {
        format: `${label} {bar} {percentage}% · {done} of {all} · {rate} · {left}`,
        stream,
        fps: 10,
        hideCursor: true,
        clearOnComplete: true,
        // Lines of a log take its place on the screen.
        forceRedraw: true,
        // Whoever draws it ends by its own rules.
        gracefulExit: false,
      },
      Presets.shades_classic,
    );
    let isDrawn = false;
    return {
      update: (doneBytes, totalBytes, rate, left) => {
        const texts = { done: roughSize(doneBytes), all: roughSize(totalBytes), rate, left };
        if (!isDrawn) {
          isDrawn = true;
          bar.start(totalBytes, doneBytes, texts);
          return;
        }
        bar.setTotal(totalBytes);
        bar.update(doneBytes, texts);
      },
      stop: () => bar.stop(),
    };
  };
}
