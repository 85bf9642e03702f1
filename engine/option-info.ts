/**
 * What a schema of options says of each of them, for everybody who has to name one: flags and help of the
 * command, keys of the config file, environment variables, docs/options.md, and the comments of the types.
 * The schema is the only source.
 */
import { z } from 'zod';
import { RingMQError } from '../native-free/wire/index.js';

/** What is said of an option beside its type, bounds and default. */
export interface OptionNotes {
  /** Name in the config file; the flag and the variable follow from it. By default the option's name without its unit. */
  setting?: string;
  /** The default in words, where it is computed. */
  defaultText?: string;
  /** A bound that `min` and `max` cannot say, like `a power of two`. */
  rule?: string;
}

interface OptionMeta extends OptionNotes {
  help: string;
}

const known = z.registry<OptionMeta>();

/**
 * Declares one option: `retentionMs: option('Age at which …', z.number()…)`. `help` is one or two sentences;
 * unit, bounds and default are taken from the name and the schema and are not repeated in it.
 */
export function option<S extends z.ZodType>(help: string, schema: S, notes: OptionNotes = {}): S {
  known.add(schema, { ...notes, help });
  return schema;
}

/** How an option is written as text. */
export type OptionKind = 'duration' | 'size' | 'count' | 'text' | 'choice' | 'switch' | 'list';

export interface OptionInfo {
  /** Where it is in the options object: `['flush']`, `['tls', 'certFile']`. */
  readonly path: readonly string[];
  /** `tls.certFile` */
  readonly name: string;
  /** In the config file: `tlsCert`. */
  readonly setting: string;
  /** `--tls-cert` */
  readonly flag: string;
  /** `RINGMQ_TLS_CERT` */
  readonly variable: string;
  readonly kind: OptionKind;
  /** Milliseconds in one unit of the option, where it is a duration. */
  readonly unitMs: number;
  readonly choices: readonly string[];
  readonly least: number | null;
  readonly most: number | null;
  readonly rule: string | null;
  readonly defaultValue: unknown;
  /** The default in words, where it is computed. */
  readonly defaultText: string | null;
  readonly isRequired: boolean;
  readonly help: string;
  /** Checks one value of it. */
  readonly schema: z.ZodType;
}

/** All options of a schema, in its order; objects in it give theirs. Throws INTERNAL for one that nothing is said of. */
export function describeOptions(schema: z.ZodObject, above: readonly string[] = []): OptionInfo[] {
  return Object.entries(schema.shape).flatMap(([key, value]) => {
    const peeled = peel(value as z.ZodType);
    const path = [...above, key];
    if (peeled.core instanceof z.ZodObject) {
      return describeOptions(peeled.core, path);
    }
    if (peeled.meta === undefined) {
      throw new RingMQError(
        'INTERNAL',
        `nothing is said of the option ${path.join('.')}: declare it with option()`,
      );
    }
    return [describeOption(path, value as z.ZodType, peeled.core, peeled)];
  });
}

interface Peeled {
  core: z.ZodType;
  meta: OptionMeta | undefined;
  defaultValue: unknown;
  isRequired: boolean;
}

/** Takes `default` and `optional` off. */
function peel(schema: z.ZodType): Peeled {
  let core = schema;
  const found: Peeled = { core, meta: known.get(core), defaultValue: undefined, isRequired: true };
  while (core instanceof z.ZodDefault || core instanceof z.ZodOptional) {
    found.isRequired = false;
    if (core instanceof z.ZodDefault) {
      found.defaultValue = core.def.defaultValue;
    }
    core = core.unwrap() as z.ZodType;
    found.meta ??= known.get(core);
  }
  found.core = core;
  return found;
}

function describeOption(path: string[], schema: z.ZodType, core: z.ZodType, peeled: Peeled): OptionInfo {
  const meta = peeled.meta as OptionMeta;
  const key = path.at(-1) as string;
  const setting = meta.setting ?? settingOf(path);
  const unitMs = key.endsWith('Seconds') ? 1000 : 1;
  const isNumber = core instanceof z.ZodNumber;
  return {
    path,
    name: path.join('.'),
    setting,
    flag: `--${split(setting).join('-').toLowerCase()}`,
    variable: `RINGMQ_${split(setting).join('_').toUpperCase()}`,
    kind: kindOf(key, core),
    unitMs,
    choices: core instanceof z.ZodEnum ? core.options.map(String) : [],
    least: isNumber ? bound(core.minValue) : null,
    most: isNumber ? bound(core.maxValue) : null,
    rule: meta.rule ?? null,
    defaultValue: peeled.defaultValue,
    defaultText: meta.defaultText ?? null,
    isRequired: peeled.isRequired,
    help: meta.help,
    schema,
  };
}

/** `flushIntervalMs` → `flushInterval`, `ringBytes` → `ringSize`, `tls.caFile` → `tlsCaFile`. */
function settingOf(path: readonly string[]): string {
  const joined = path.map((part, i) => (i === 0 ? part : part[0]?.toUpperCase() + part.slice(1))).join('');
  return joined.replace(/(Ms|Seconds)$/, '').replace(/Bytes$/, 'Size');
}

const split = (name: string): string[] => name.split(/(?=[A-Z])/);

const bound = (value: number | null): number | null =>
  value === null || Math.abs(value) >= Number.MAX_SAFE_INTEGER ? null : value;

function kindOf(key: string, core: z.ZodType): OptionKind {
  if (core instanceof z.ZodNumber) {
    return /(Ms|Seconds)$/.test(key) ? 'duration' : key.endsWith('Bytes') ? 'size' : 'count';
  }
  if (core instanceof z.ZodBoolean) {
    return 'switch';
  }
  if (core instanceof z.ZodEnum) {
    return 'choice';
  }
  return core instanceof z.ZodArray ? 'list' : 'text';
}
