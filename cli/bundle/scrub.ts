/** What may not leave the machine: secrets never, names only where nobody wants them hidden. */
import { createHmac, randomBytes } from 'node:crypto';

const REMOVED = '[removed]';
/** What is shorter is no secret, and would be found everywhere. */
const MIN_SECRET_CHARACTERS = 6;
/** What is shorter is hidden where it stands alone, not in the middle of a sentence. */
const MIN_WORD_CHARACTERS = 3;

const SECRET_KEY =
  /(passw|secret|token|credential|authorization|cookie|private|^(server|stored)key$|verifier|salt)/i;
/** Such a setting names a file, or says how long something lasts: no secret itself. */
const HARMLESS_KEY = /(file|path|dir|ms|seconds|bytes|count|claim|url|scheme)$/i;

const SECRET_TEXTS: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]+-----[\s\S]*?(-----END [A-Z ]+-----|$)/g, REMOVED],
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, REMOVED],
  [/(:\/\/)[^/\s@"']+@/g, `$1${REMOVED}@`],
  [/\b((?:basic|bearer|scram-sha-256)\s+)[\w+/=.-]{8,}/gi, `$1${REMOVED}`],
  [/((?:password|secret|token)["']?\s*[=:]\s*["']?)[^\s"',;]{6,}/gi, `$1${REMOVED}`],
  // In a sentence a secret differs from a word by what it has in it.
  [/((?:password|secret|token)\s+)(?=[^\s,;]*[\dA-Z])[^\s"',;]{8,}/g, `$1${REMOVED}`],
];
/** Letters of both cases and digits at random: no word, no number and no path is like that. */
const RANDOM_TEXT = /(?<![\w/.-])(?=[\w-]*[a-z])(?=[\w-]*[A-Z])(?=[\w-]*\d)[\w-]{24,}(?![\w/.])/g;

const IPV4 = /(?<![\d.])(?!127\.|0\.0\.0\.0)\d{1,3}(?:\.\d{1,3}){3}(?![\d.])/g;
const IPV6 = /(?<![\w:])(?:[0-9a-f]{1,4}:){3,7}[0-9a-f:]*[0-9a-f]/gi;
const URL_HOST = /((?:wss?|https?|etcd):\/\/(?:\[removed\]@)?)([A-Za-z][\w.-]*)/g;

export type NameKind = 'topic' | 'group' | 'user' | 'broker' | 'member' | 'host' | 'path' | 'address';

export class Scrubber {
  readonly #secrets: string[] = [];
  /** What stands for a name, by the name; null: names stay. */
  readonly #names: Map<string, string> | null;
  readonly #key = randomBytes(32);
  #words: RegExp | null = null;

  /** `anonymous`: names become hashes, the same name always the same within this archive, and no other's. */
  constructor(anonymous: boolean) {
    this.#names = anonymous ? new Map() : null;
  }

  get isAnonymous(): boolean {
    return this.#names !== null;
  }

  /** A secret that is known: wherever it turns up it is taken out. */
  addSecret(secret: string): void {
    // While a cluster's secret is changed its file has two, a line each.
    for (const text of [secret, ...secret.split('\n')].map((each) => each.trim())) {
      if (text.length >= MIN_SECRET_CHARACTERS) {
        this.#secrets.push(text);
      }
    }
  }

  addName(kind: NameKind, name: string | null | undefined): void {
    if (this.#names === null || name == null || name === '' || name.startsWith('%') || name === 'default') {
      return;
    }
    if (!this.#names.has(name)) {
      this.#names.set(name, `${kind}-${this.#hash(name)}`);
      this.#words = null;
    }
  }

  /** Of a value as JSON has it: the same without what may not leave. */
  value(value: unknown, key = ''): unknown {
    if (typeof value === 'string') {
      return SECRET_KEY.test(key) && !HARMLESS_KEY.test(key) ? REMOVED : this.text(value);
    }
    if (Array.isArray(value)) {
      return value.map((item) => this.value(item, key));
    }
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(
        Object.entries(value).map(([name, item]) => [this.#names?.get(name) ?? name, this.value(item, name)]),
      );
    }
    return typeof value === 'bigint' ? String(value) : value;
  }

  text(text: string): string {
    let clean = text;
    for (const secret of this.#secrets) {
      clean = clean.replaceAll(secret, REMOVED);
    }
    for (const [pattern, by] of SECRET_TEXTS) {
      clean = clean.replaceAll(pattern, by);
    }
    clean = clean.replaceAll(RANDOM_TEXT, REMOVED);
    return this.#names === null ? clean : this.#withoutNames(clean, this.#names);
  }

  /** A log's lines: of JSON value by value, others as they are. */
  log(text: string): string {
    const lines = text.split('\n').map((line) => ({ line, json: jsonOf(line) }));
    for (const { json } of lines) {
      this.#learn(json);
    }
    return lines
      .map(({ line, json }) => (json === null ? this.text(line) : JSON.stringify(this.value(json))))
      .join('\n');
  }

  /** A log names what is gone by now, and is on no list. */
  #learn(json: Record<string, unknown> | null): void {
    for (const [name, kind] of LOGGED_NAMES) {
      const value = json?.[name];
      for (const each of Array.isArray(value) ? value : [value]) {
        this.addName(kind, typeof each === 'string' ? each : null);
      }
    }
  }

  #withoutNames(text: string, names: ReadonlyMap<string, string>): string {
    const whole = names.get(text);
    if (whole !== undefined) {
      return whole;
    }
    this.#words ??= wordsOf([...names.keys()].filter((name) => name.length >= MIN_WORD_CHARACTERS));
    return text
      .replaceAll(this.#words, (name) => names.get(name) ?? name)
      .replaceAll(URL_HOST, (all, scheme: string, host: string) =>
        host === 'localhost' || /^host-[0-9a-f]{8}$/.test(host) ? all : `${scheme}host-${this.#hash(host)}`,
      )
      .replaceAll(IPV4, (address) => `address-${this.#hash(address)}`)
      .replaceAll(IPV6, (address) => `address-${this.#hash(address)}`);
  }

  #hash(name: string): string {
    return createHmac('sha256', this.#key).update(name).digest('hex').slice(0, 8);
  }
}

const LOGGED_NAMES: readonly (readonly [string, NameKind])[] = [
  ['topic', 'topic'],
  ['topics', 'topic'],
  ['group', 'group'],
  ['groups', 'group'],
  ['user', 'user'],
  ['broker', 'broker'],
  ['brokerSet', 'broker'],
  ['set', 'broker'],
  ['slave', 'broker'],
  ['master', 'broker'],
  ['memberId', 'member'],
  ['member', 'member'],
  ['host', 'host'],
  ['path', 'path'],
  ['dataDir', 'path'],
];

function jsonOf(line: string): Record<string, unknown> | null {
  if (!line.startsWith('{')) {
    return null;
  }
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return null;
  }
}

/** Any of the names, the longest first, not within a longer word. */
function wordsOf(names: readonly string[]): RegExp {
  const alternatives = [...names]
    .sort((a, b) => b.length - a.length)
    .map((name) => name.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'));
  return alternatives.length === 0
    ? /(?!)/g
    : new RegExp(`(?<![\\w.%-])(?:${alternatives.join('|')})(?![\\w-])`, 'g');
}
