/** A bar on the terminal for work that takes its time; nothing at all where no terminal is. */
export interface Progress {
  /** `done` of the total so far. Cheap: the bar redraws itself ten times a second. */
  update(done: number): void;
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
