/**
 * Prometheus' text format, version 0.0.4: each metric with its help and type once, then a line for each of
 * its samples. https://prometheus.io/docs/instrumenting/exposition_formats/
 */

export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export type Labels = Readonly<Record<string, string | number>>;

export class MetricsText {
  /** Labels of every sample, as they are written. */
  readonly #common: string;
  readonly #lines: string[] = [];

  constructor(common: Labels) {
    this.#common = written(common);
  }

  /** Begins a metric. `counter`: it only grows. */
  metric(type: 'counter' | 'gauge', name: string, help: string): Metric {
    const lines = this.#lines;
    lines.push(
      `# HELP ${name} ${help.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')}`,
      `# TYPE ${name} ${type}`,
    );
    return {
      add: (value, labels = {}) => {
        const own = written(labels);
        const all = own === '' || this.#common === '' ? own + this.#common : `${own},${this.#common}`;
        lines.push(all === '' ? `${name} ${number(value)}` : `${name}{${all}} ${number(value)}`);
      },
    };
  }

  toString(): string {
    return `${this.#lines.join('\n')}\n`;
  }
}

/** Its samples come before the next metric begins. */
export interface Metric {
  add(value: number, labels?: Labels): void;
}

function written(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(String(value))}"`)
    .join();
}

function escaped(value: string): string {
  return value.replace(/\\/g, '\\\\').replace(/\n/g, '\\n').replace(/"/g, '\\"');
}

function number(value: number): string {
  return Number.isFinite(value) ? String(value) : Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}
