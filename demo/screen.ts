import { styleText } from 'node:util';
import { SingleBar } from 'cli-progress';

type Style = Parameters<typeof styleText>[0];

const inColour = process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined;

function paint(style: Style, text: string): string {
  return inColour ? styleText(style, text) : text;
}

function line(text = ''): void {
  process.stdout.write(`${text}\n`);
}

/** What the demo shows: a heading, facts, events with their time, checks. Colours and a bar only on a terminal. */
export class Screen {
  #failures = 0;
  readonly #startedAt = performance.now();
  #bar: SingleBar | null = null;

  title(text: string): void {
    line();
    line(`  ${paint('bold', text)}`);
    line(`  ${paint('gray', '─'.repeat(text.length))}`);
  }

  heading(text: string): void {
    line();
    line(`  ${paint('bold', text)}`);
  }

  fact(name: string, value: string): void {
    line(`    ${paint('gray', name.padEnd(13))} ${value}`);
  }

  event(name: string, text: string, style: Style = 'cyan'): void {
    const seconds = ((performance.now() - this.#startedAt) / 1000).toFixed(1).padStart(5);
    this.#pauseBar(() =>
      line(`    ${paint('gray', `${seconds} s`)}  ${paint(style, name.padEnd(8))} ${text}`),
    );
  }

  check(passed: boolean, text: string): void {
    if (!passed) {
      this.#failures++;
    }
    line(`    ${passed ? paint('green', '✓') : paint('red', '✗ FAILED:')} ${text}`);
  }

  /** Says how it went at the end. Returns the exit status. */
  verdict(): number {
    const failures = this.#failures;
    this.heading(failures === 0 ? 'Everything that was promised holds.' : `${failures} checks failed.`);
    process.stdout.write('\n');
    return failures === 0 ? 0 : 1;
  }

  startBar(total: number): void {
    if (process.stderr.isTTY !== true) {
      return;
    }
    this.#bar = new SingleBar({
      format: '    {bar} {percentage}% · acked {value} of {total} · read {read}',
      stream: process.stderr,
      barCompleteChar: '█',
      barIncompleteChar: '░',
      barsize: 32,
      hideCursor: true,
      clearOnComplete: true,
      fps: 10,
      formatValue: (value, _options, type) =>
        type === 'value' || type === 'total' ? value.toLocaleString('en') : String(value),
    });
    this.#bar.start(total, 0, { read: '0' });
  }

  updateBar(done: number, read: number): void {
    this.#bar?.update(done, { read: read.toLocaleString('en') });
  }

  stopBar(): void {
    this.#bar?.stop();
    this.#bar = null;
  }

  /** An event in the middle of the bar's line would tear it. */
  #pauseBar(print: () => void): void {
    if (this.#bar !== null) {
      process.stderr.write('\r\u001b[K');
    }
    print();
  }
}

/** 12345 as `12,345`. */
export function grouped(value: number): string {
  return Math.round(value).toLocaleString('en');
}
