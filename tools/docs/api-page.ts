/** docs/api.md: what the package exports, with the comments that editors show. */
import { fileURLToPath } from 'node:url';
import { type Declaration, exportsOf } from './declarations.js';

const ENTRY = fileURLToPath(new URL('../../broker/index.d.ts', import.meta.url));
const DASHBOARD = fileURLToPath(new URL('../../broker/dashboard.d.ts', import.meta.url));
const CLIENT = fileURLToPath(new URL('../../native-free/client/index.d.ts', import.meta.url));

const HEAD = `<!-- Written by \`npm run docs:options\` from the types. -->

# The library

What \`ringmq\`, \`ringmq/client\` and \`ringmq/dashboard\` export, with the comments that an editor shows. \`ringmq\` has all of \`ringmq/client\`, so one import is enough where a
broker runs in your process. Every call that waits takes an \`AbortSignal\`, everything that opens closes, and whatever is thrown is a \`RingMQError\` with a code
of [errors.md](errors.md). Options of a broker are in [options.md](options.md), small programs in [../examples](../examples).
`;

/** Of use inside only. */
const LEFT_OUT = new Set(['Link', 'LinkFactory']);

export function apiPage(): string {
  const client = exportsOf(CLIENT);
  const all = exportsOf(ENTRY);
  const own = [...all].filter(([name]) => !client.has(name));
  return [
    HEAD,
    ...section('ringmq', own),
    ...section('ringmq/client', [...client]),
    ...section('ringmq/dashboard', [...exportsOf(DASHBOARD)]),
  ].join('\n');
}

/** What others hold and nobody looks into. */
const OPAQUE = new Set(['BrokerHandle']);

const RANK = ['function', 'class', 'interface', 'type', 'const'];

function section(entry: string, exported: readonly (readonly [string, Declaration])[]): string[] {
  const listed = exported
    .filter(([name]) => !LEFT_OUT.has(name))
    .toSorted(
      ([a, one], [b, other]) => RANK.indexOf(one.kind) - RANK.indexOf(other.kind) || a.localeCompare(b, 'en'),
    );
  const links = listed.map(([name]) => `[\`${name}\`](#${name.toLowerCase()})`);
  return [
    `## From \`${entry}\``,
    '',
    links.join(' · '),
    '',
    ...listed.flatMap(([name, found]) => entryOf(name, found)),
  ];
}

function entryOf(name: string, { comment, code, name: declared }: Declaration): string[] {
  const own = (OPAQUE.has(name) ? `${code.split('\n')[0]} … }` : code)
    .replace(/^export (declare )?/, '')
    .replace(new RegExp(`\\b${declared}\\b`), name)
    .replace(/^ {4}#private;\n/m, '')
    .replace(/^ {4}\/\*\* Use \{@link \w+\}\. \*\/\n {4}constructor\(.*\n/m, '')
    .replaceAll(/^( {4})+/gm, (indent) => ' '.repeat(indent.length / 2));
  return [
    `### ${name}`,
    '',
    ...(comment.length === 0 ? [] : [comment.join(' ').replace('@throws RingMQError', 'Throws'), '']),
    '```ts',
    own,
    '```',
    '',
  ];
}
