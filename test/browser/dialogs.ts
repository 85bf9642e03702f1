/** Every dialog of the dashboard, and how an administrator of a cluster comes to it. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const PAGE = fileURLToPath(new URL('../../../native-free/dashboard/page', import.meta.url));

export interface KnownDialog {
  /** The text that is its title, as the source names it. */
  readonly title: string;
  readonly heading: string;
  readonly hash: string;
  /** What opens it. */
  readonly button: string;
  /** Of which row. */
  readonly row?: RegExp;
}

/** Over a cluster that has the topic `orders`, the groups `billing` and, paused, `idle`, the role `readers`, the user `anna`, and where `admin` looks. */
export const DIALOGS: readonly KnownDialog[] = [
  { title: 'createTopic', heading: 'Create topic', hash: '#/topics', button: 'Create topic' },
  { title: 'publishTo', heading: 'Publish to orders', hash: '#/topics/orders', button: 'Publish' },
  { title: 'growTopic', heading: 'Give more queues', hash: '#/topics/orders', button: 'Grow' },
  { title: 'retention', heading: 'Retention', hash: '#/topics/orders', button: 'Retention' },
  { title: 'deleteTopic', heading: 'Delete topic', hash: '#/topics/orders', button: 'Delete' },
  { title: 'createGroup', heading: 'Create group', hash: '#/groups', button: 'Create group' },
  {
    title: 'resetOf',
    heading: 'Where billing goes on',
    hash: '#/groups/billing',
    button: 'Reset offsets',
  },
  { title: 'pause', heading: 'Pause', hash: '#/groups/billing', button: 'Pause' },
  { title: 'skipMessages', heading: 'Skip', hash: '#/groups/billing', button: 'Skip' },
  { title: 'deleteGroup', heading: 'Delete group', hash: '#/groups/billing', button: 'Delete' },
  { title: 'resume', heading: 'Resume', hash: '#/groups/idle', button: 'Resume' },
  { title: 'disconnect', heading: 'Disconnect', hash: '#/clients', button: 'Disconnect' },
  { title: 'createUser', heading: 'Create user', hash: '#/users', button: 'Create user' },
  { title: 'createRole', heading: 'Create role', hash: '#/users', button: 'Create role' },
  { title: 'rightsOf', heading: 'Rights of anna', hash: '#/users', button: 'Rights', row: /^anna/ },
  { title: 'rolesOf', heading: 'Roles of anna', hash: '#/users', button: 'Roles', row: /^anna/ },
  { title: 'limitsOf', heading: 'Limits of anna', hash: '#/users', button: 'Limits', row: /^anna/ },
  { title: 'passwordOf', heading: 'Password of anna', hash: '#/users', button: 'Password', row: /^anna/ },
  { title: 'passwordOf', heading: 'Password of admin', hash: '#/users', button: 'Password', row: /^admin/ },
  { title: 'passwordOf', heading: 'Password of admin', hash: '#/topics', button: 'admin' },
  { title: 'deleteUser', heading: 'Delete user', hash: '#/users', button: 'Delete', row: /^anna/ },
  { title: 'deleteRole', heading: 'Delete role', hash: '#/users/roles', button: 'Delete', row: /^readers/ },
  { title: 'logLevel', heading: 'Log level', hash: '#/configuration', button: 'Log level' },
  { title: 'promoteTitle', heading: 'Promote a-slave', hash: '#/cluster', button: 'Promote' },
];

/** Titles of all the dialogs that the source has, in the order of the alphabet. */
export function titlesInSource(): string[] {
  const titles = new Set<string>();
  for (const name of readdirSync(PAGE, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.tsx') || name === 'dialog.tsx') {
      continue;
    }
    const source = readFileSync(`${PAGE}/${name}`, 'utf8');
    for (const [whole, title = ''] of source.matchAll(/<(?:Destroy)?Dialog\b\s+title=\{t\((.*)\)\}/g)) {
      const [plain] = title.split(', {');
      const names = [...(plain ?? '').matchAll(/'(\w+)'/g)].map(([, each = '']) => each);
      if (names.length === 0) {
        throw new Error(`${name}: what is the title of ${whole}?`);
      }
      for (const each of names) {
        titles.add(each);
      }
    }
    const dialogs = [...source.matchAll(/<(?:Destroy)?Dialog\b/g)].length;
    const titled = [...source.matchAll(/<(?:Destroy)?Dialog\b\s+title=\{t\(/g)].length;
    if (dialogs !== titled) {
      throw new Error(`${name}: a dialog whose title does not come first`);
    }
  }
  return [...titles].sort();
}
