/** What `docker build` is given: the sources as they are committed or changed, and the packages that `npm ci` installed here. */
import { cpSync, existsSync, mkdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { must } from './command.js';
import type { Places } from './places.js';

/** Large, and not needed to build: programs of other tests, native parts of a listener that no image has. */
const NOT_NEEDED = [
  ...[
    '@biomejs',
    'vega-datasets',
    'playwright-core/lib',
    '@rolldown',
    'lightningcss-linux-x64-gnu',
    'axe-core',
  ],
  ...['uWebSockets.js/*.node'],
];

export async function makeContext(root: string, places: Places): Promise<void> {
  mkdirSync(places.context, { recursive: true });
  const listed = await must('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
  });
  for (const path of listed.split('\0').filter((each) => each !== '' && existsSync(join(root, each)))) {
    // A link to packages elsewhere is no source.
    if (path === 'node_modules') {
      continue;
    }
    mkdirSync(dirname(join(places.context, path)), { recursive: true });
    cpSync(join(root, path), join(places.context, path));
  }
  const packages = realpathSync(join(root, 'node_modules'));
  await must('tar', [
    ...['-cf', join(places.context, 'node_modules.tar')],
    ...NOT_NEEDED.map((path) => `--exclude=node_modules/${path}`),
    ...['-C', dirname(packages), 'node_modules'],
  ]);
}
