/** docs/options.md: each option with all its names, bounds and default. */
import { boundsOf, defaultOf } from '../../cli/option-text.js';
import type { OptionInfo } from '../../engine/option-info.js';

interface Groups {
  engine: readonly OptionInfo[];
  listen: readonly OptionInfo[];
  command: readonly OptionInfo[];
  nameServer: readonly OptionInfo[];
}

const HEAD = `<!-- Written by \`npm run docs:options\` from engine/options.ts, broker/listen-options.ts, cli/command-options.ts and broker/name-server-options.ts. -->

# Options of a broker

Everything about a broker that can be set, and every way to set it. An option has one name in code (with its unit), and one
name for the command, from which its flag, its variable and its key in the config file follow: \`retentionMs\` in
\`openBroker({ retentionMs: 3_600_000 })\` is \`--retention 1h\`, \`RINGMQ_RETENTION=1h\` and \`"retention": "1h"\`.

- A flag wins over a variable, a variable over the config file, the config file over the default.
- Durations are written \`500ms\`, \`30s\`, \`5m\`, \`2h\`, \`7d\`; sizes \`100\` (bytes), \`64KiB\`, \`1GiB\`. In code they are numbers, of the unit in the name.
- The config file is one JSON object: \`ringmq broker --config ringmq.json\`. Unknown keys, flags and options are refused, with the name that was probably meant.
- A list is given by repeating its flag, or with commas in it or in a variable, as an array in the file. A switch is \`true\` or \`false\` in a variable; an empty variable counts as not set.
- What cannot be used is refused before anything is opened: by the command with exit status 2 for a flag or variable and 1 for the file, in code with \`BAD_CONFIG\`, which names every option at fault (\`details.faults\`).

\`\`\`json
{
  "data": "/var/lib/ringmq",
  "listen": "127.0.0.1:9876",
  "flush": "sync",
  "retention": "7d",
  "retentionSize": "500GiB",
  "allowOrigin": ["https://shop.example"]
}
\`\`\`
`;

export function optionsPage({ engine, listen, command, nameServer }: Groups): string {
  return [
    HEAD,
    ...section('The broker and its data directory', '`openBroker(options)`', engine),
    ...section('The listener', '`broker.listen(options)`', listen),
    ...section('The command alone', 'not in code: a program that embeds a broker gets `onWarning`', command),
    ...nameServerSection(nameServer),
  ].join('\n');
}

/** Of a name server, which has flags only. */
function nameServerSection(options: readonly OptionInfo[]): string[] {
  return [
    '## A name server',
    '',
    'In code: `openNameServer(options)`; the command `ringmq nameserver` has these as flags, and those of the log above. There is no config file.',
    '',
    '| In code | Flag | What it may be | Default | |',
    '| --- | --- | --- | --- | --- |',
    ...options.map((option) => row(option, [flagOf(option)])),
    '',
  ];
}

function section(title: string, where: string, options: readonly OptionInfo[]): string[] {
  return [
    `## ${title}`,
    '',
    `In code: ${where}.`,
    '',
    '| In code | Flag, variable, key | What it may be | Default | |',
    '| --- | --- | --- | --- | --- |',
    ...options.map((option) => row(option)),
    '',
  ];
}

function flagOf({ setting, flag }: OptionInfo): string {
  return `\`${flag}${setting === 'listen' ? ' HOST:PORT' : ''}\``;
}

function row(
  option: OptionInfo,
  names = [flagOf(option), `\`${option.variable}\``, `\`${option.setting}\``],
): string {
  const cells = [
    `\`${option.name}\``,
    names.join('<br>'),
    boundsOf(option),
    defaultOf(option) ?? (option.isRequired ? '' : 'none'),
    option.help,
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
