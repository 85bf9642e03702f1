/** Every text of the dashboard, in both languages: a text without one of them does not compile. */
import { language } from './prefs.js';
import { ACCESS } from './texts/access.js';
import { CLUSTER } from './texts/cluster.js';
import { FRAME } from './texts/frame.js';
import { GROUPS } from './texts/groups.js';
import { TOPICS } from './texts/topics.js';

const PARTS = [FRAME, CLUSTER, TOPICS, GROUPS, ACCESS] as const;

/** The names in all of the parts. A name that stands in two of them leaves none: nothing that says a text compiles then. */
type NamesIn<Parts, Seen extends string = never> = Parts extends readonly [infer First, ...infer Rest]
  ? keyof First & Seen extends never
    ? NamesIn<Rest, Seen | (keyof First & string)>
    : never
  : Seen;

export type TextName = NamesIn<typeof PARTS>;

const TEXTS: Readonly<Record<TextName, readonly [en: string, zh: string]>> = Object.assign({}, ...PARTS);

/** In the language that is chosen. `{name}` in the text is replaced by the value of that name, `{name:one|many}` by the word for so many. */
export function t(name: TextName, values: Readonly<Record<string, string>> = {}): string {
  const text = TEXTS[name][language.value === 'zh' ? 1 : 0];
  return text.replace(
    /\{(\w+)(?::(\w+)\|(\w+))?\}/g,
    (whole, key: string, one: string | undefined, many: string) =>
      one === undefined ? (values[key] ?? whole) : values[key] === '1' ? one : many,
  );
}

/** In the order of the side bar, with the key that leads there behind `g`. */
export const PAGES = [
  { name: 'overview', key: 'o', needsCluster: false },
  { name: 'cluster', key: 'c', needsCluster: true },
  { name: 'topics', key: 't', needsCluster: false },
  { name: 'groups', key: 'g', needsCluster: false },
  { name: 'clients', key: 'l', needsCluster: true },
  { name: 'users', key: 'u', needsCluster: true },
  { name: 'audit', key: 'a', needsCluster: true },
  { name: 'configuration', key: 'n', needsCluster: true },
] as const satisfies readonly { name: TextName; key: string; needsCluster: boolean }[];

export type PageName = (typeof PAGES)[number]['name'];
