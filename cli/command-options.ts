/** What `ringmq broker` takes beside the options of a broker and its listener: how it says what it does. */
import { z } from 'zod';
import { option } from '../engine/option-info.js';
import { LOG_LEVELS } from '../native-free/wire/index.js';

export const commandOptionsSchema = z
  .object({
    logLevel: option(
      'What the log tells. Every level has those behind it.',
      z.enum(LOG_LEVELS).default('info'),
    ),
    logFormat: option(
      'Form of the log on stderr: a JSON object a line, or lines for people. `auto` is `pretty` on a terminal, else `json`.',
      z.enum(['auto', 'json', 'pretty']).default('auto'),
    ),
  })
  .strict();

export type CommandOptions = z.output<typeof commandOptionsSchema>;
