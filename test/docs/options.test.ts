/** What is written from the schemas of options is up to date, and every option can be set in every way. */
import { readFileSync } from 'node:fs';
import { describe, expect, expectTypeOf, it } from 'vitest';
import type { z } from 'zod';
import { type ListenOptions, listenOptionsSchema } from '../../broker/listen-options.js';
import { commandOptionsSchema } from '../../cli/command-options.js';
import { describeOptions } from '../../engine/option-info.js';
import { type EngineOptions, engineOptionsSchema } from '../../engine/options.js';
import { writtenFiles } from '../../tools/docs/written-files.js';

const options = [engineOptionsSchema, listenOptionsSchema, commandOptionsSchema].flatMap((schema) =>
  describeOptions(schema),
);

describe('written from the schemas of options', () => {
  it.each([...writtenFiles()])('%s is up to date: `npm run docs:options` writes it', (path, text) => {
    expect(readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')).toBe(text);
  });

  it('the types are those of the schemas', () => {
    type Listed<T> = {
      [K in keyof T]: T[K] extends readonly string[] | undefined
        ? readonly string[] | undefined
        : T[K] extends object | undefined
          ? Listed<NonNullable<T[K]>> | undefined
          : T[K];
    };
    expectTypeOf<EngineOptions>().toEqualTypeOf<Listed<z.input<typeof engineOptionsSchema>>>();
    expectTypeOf<ListenOptions>().toEqualTypeOf<Listed<z.input<typeof listenOptionsSchema>>>();
  });
});

describe('every option', () => {
  it.each(options.map((option) => [option.name, option] as const))(
    '%s says what it is in sentences',
    (_name, option) => {
      expect(option.help).toMatch(/^[A-Z].+\.$/s);
      expect(option.help.length).toBeLessThan(400);
    },
  );

  it('has names of its own, but the two of an address', () => {
    const settings = options.map((option) => option.setting).filter((setting) => setting !== 'listen');
    expect(new Set(settings).size).toBe(settings.length);
  });

  it('has a name that says its unit', () => {
    for (const { name, kind } of options) {
      if (kind === 'count') {
        expect(name).not.toMatch(/interval|timeout|retention|size|age$/i);
      }
    }
  });
});
