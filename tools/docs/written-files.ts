/** All that is written from the source: the types of options with their comments, docs/options.md, docs/api.md. */
import { listenOptionsSchema } from '../../broker/listen-options.js';
import { nameServerOptionsSchema } from '../../broker/name-server-options.js';
import { commandOptionsSchema } from '../../cli/command-options.js';
import { describeOptions } from '../../engine/option-info.js';
import { engineOptionsSchema } from '../../engine/options.js';
import { apiPage } from './api-page.js';
import { optionsPage } from './options-page.js';
import { optionsType } from './options-type.js';

/** Path in the repository → what it has to hold. */
export function writtenFiles(): Map<string, string> {
  const engine = describeOptions(engineOptionsSchema);
  const listen = describeOptions(listenOptionsSchema);
  const command = describeOptions(commandOptionsSchema);
  const nameServer = describeOptions(nameServerOptionsSchema);
  return new Map([
    [
      'engine/options-types.ts',
      optionsType(
        'EngineOptions',
        'Options of a broker and its data directory. All of them may be left out.',
        engine,
      ),
    ],
    [
      'broker/listen-options-types.ts',
      optionsType('ListenOptions', 'Options of `broker.listen()`. All of them may be left out.', listen),
    ],
    ['docs/options.md', optionsPage({ engine, listen, command, nameServer })],
    ['docs/api.md', apiPage()],
  ]);
}
