/**
 * What a shell needs to complete `ringmq`: written from the commands themselves, so that it has all of them
 * and no others. The script asks nobody: a shell that had to start Node for each Tab would be slow.
 */
import type { Command } from 'commander';

export type Shell = 'bash' | 'zsh' | 'fish';

/** What may stand behind a command: words of its own, its flags, those of all commands. */
interface Place {
  /** The words that lead there, without `ringmq`. */
  path: readonly string[];
  words: readonly Choice[];
  flags: readonly Flag[];
}

interface Choice {
  word: string;
  says: string;
}

interface Flag extends Choice {
  short: string | null;
  takesValue: boolean;
  choices: readonly string[];
}

export function completionScript(program: Command, shell: Shell): string {
  const places = placesOf(program, [], flagsOf(program));
  switch (shell) {
    case 'bash':
      return bashScript(places);
    case 'zsh':
      return `#compdef ringmq\nautoload -U +X bashcompinit && bashcompinit\n${bashScript(places)}`;
    case 'fish':
      return fishScript(places);
  }
}

function flagsOf(command: Command): Flag[] {
  return command.options
    .filter(({ hidden }) => !hidden)
    .map((option) => ({
      word: option.long ?? option.flags,
      short: option.short ?? null,
      says: option.description,
      takesValue: option.required || option.optional,
      choices: option.argChoices ?? choicesIn(option.flags),
    }));
}

/** Some flags name their values in place of a word for them: `--flush <sync|async>`. */
function choicesIn(flags: string): string[] {
  return /<(.+\|.+)>/.exec(flags)?.[1]?.split('|') ?? [];
}

function placesOf(command: Command, path: readonly string[], everywhere: readonly Flag[]): Place[] {
  const below = command.createHelp().visibleCommands(command);
  const choices = command.registeredArguments.flatMap((argument) => argument.argChoices ?? []);
  const help: Flag = { word: '--help', short: '-h', says: 'what it does', takesValue: false, choices: [] };
  const own = path.length === 0 ? [] : flagsOf(command);
  const place: Place = {
    path,
    words: [
      ...below.map((each) => ({ word: each.name(), says: each.description() })),
      ...choices.map((word) => ({ word, says: '' })),
    ],
    flags: [...own, ...everywhere, help],
  };
  return [
    place,
    ...below
      .filter((each) => each.name() !== 'help')
      .flatMap((each) => placesOf(each, [...path, each.name()], everywhere)),
  ];
}

/** The words before the one that is written lead to a place; flags and their values are stepped over. */
function bashScript(places: readonly Place[]): string {
  const quoted = (words: readonly string[]): string => `'${words.join(' ')}'`;
  const known = places
    .filter(({ path }) => path.length > 0)
    .map(({ path }) => `'${path.join(' ')}'`)
    .join('|');
  const withValue = [
    ...new Set(
      places.flatMap(({ flags }) =>
        flags
          .filter(({ takesValue }) => takesValue)
          .flatMap(({ word, short }) => [word, ...(short === null ? [] : [short])]),
      ),
    ),
  ];
  const cases = places.map(({ path, words, flags }) => {
    const all = [...words.map(({ word }) => word), ...flags.map(({ word }) => word)];
    return `    ${path.length === 0 ? "''" : `'${path.join(' ')}'`}) choices=${quoted(all)} ;;`;
  });
  const values = places.flatMap(({ path, flags }) =>
    flags
      .filter(({ choices }) => choices.length > 0)
      .map(
        ({ word, choices }) => `    '${[...path, word].join(' ')}') choices=${quoted(choices)}; values=1 ;;`,
      ),
  );
  return `_ringmq() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} path='' next choices='' values=0 i
  for ((i = 1; i < COMP_CWORD; i++)); do
    next=\${COMP_WORDS[i]}
    case $next in
    ${withValue.join('|')}) ((i++)); continue ;;
    -*) continue ;;
    esac
    case "\${path:+$path }$next" in
    ${known}) path="\${path:+$path }$next" ;;
    *) break ;;
    esac
  done
  [[ $before == -o ]] && before=--output
  case "\${path:+$path }$before" in
${values.join('\n')}
  esac
  if [[ $values == 0 ]]; then
    case $before in
    ${withValue.join('|')}) COMPREPLY=($(compgen -f -- "$word")); return ;;
    esac
    case $path in
${cases.join('\n')}
    esac
  fi
  COMPREPLY=($(compgen -W "$choices" -- "$word"))
}
complete -o default -F _ringmq ringmq
`;
}

function fishScript(places: readonly Place[]): string {
  const quote = (text: string): string => `'${text.replaceAll(/['\\]/g, '\\$&')}'`;
  const lines = ['complete -c ringmq -f'];
  for (const { path, words, flags } of places) {
    const isAt = path.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ');
    const below = words.map(({ word }) => word).join(' ');
    const isNext =
      below === '' ? isAt : `${isAt === '' ? '' : `${isAt}; and `}not __fish_seen_subcommand_from ${below}`;
    for (const { word, says } of words) {
      lines.push(`complete -c ringmq -n ${quote(isNext)} -a ${word} -d ${quote(says)}`);
    }
    for (const { word, short, says, takesValue, choices } of flags) {
      const when = isAt === '' ? '' : ` -n ${quote(isAt)}`;
      const name = `-l ${word.replace(/^--/, '')}${short === null ? '' : ` -s ${short.slice(1)}`}`;
      const value = takesValue ? (choices.length > 0 ? ` -x -a ${quote(choices.join(' '))}` : ' -r') : '';
      lines.push(`complete -c ringmq${when} ${name}${value} -d ${quote(says)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}
