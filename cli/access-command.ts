/** `ringmq user`, `role` and `acl`. */
import type { Command } from 'commander';
import {
  type Grant,
  type Right,
  RingMQError,
  type UserInfo,
  type UserLimits,
} from '../native-free/wire/index.js';
import { withClient } from './connection.js';
import { credentials, passwordIn } from './credentials.js';
import { type Deed, type DestroyFlags, isToBeDone } from './destroy.js';
import { counted, printJson, printTable, sharedOptions } from './output.js';
import { formatSize } from './units.js';

/** Does it, and says in a line what was done. */
async function done(
  command: Command,
  work: Parameters<typeof withClient<unknown>>[1],
  told: object,
  line: string,
): Promise<void> {
  const { url, output } = sharedOptions(command);
  await withClient(url, work);
  if (output === 'json') {
    return printJson(told);
  }
  process.stdout.write(`${line}\n`);
}

/** `ringmq user add` */
export async function addUser(
  command: Command,
  user: string,
  options: { newPasswordFile?: string; role?: string[]; ifNotExists?: boolean },
): Promise<void> {
  const password = passwordIn(options.newPasswordFile ?? '-');
  const { role: roles = [], ifNotExists = false } = options;
  const making = { user, password, roles, ifNotExists };
  await done(command, (client) => client.admin().createUser(making), { user, roles }, `${user}: made`);
}

/** `ringmq user passwd` */
export async function changePassword(
  command: Command,
  user: string,
  options: { newPasswordFile?: string },
): Promise<void> {
  const password = passwordIn(options.newPasswordFile ?? '-');
  const line = `${user}: has another password; its connections have ended`;
  const mine = credentials();
  // The own one is set by whoever knows it.
  const how = mine?.scheme === 'scram' && mine.user === user ? { oldPassword: mine.password } : {};
  await done(command, (client) => client.admin().setPassword(user, password, how), { user }, line);
}

/** `ringmq user roles` */
export async function changeRoles(
  command: Command,
  user: string,
  roles: string[],
  flags: DestroyFlags,
): Promise<void> {
  const look = async (): Promise<Deed> => {
    const { roles: before } = await userThere(command, user);
    const told = { user, roles, before };
    return { told, text: `change the roles of ${user} from ${listed(before)} to ${listed(roles)}` };
  };
  if (!(await isToBeDone(command, { ...flags, yes: true }, look))) {
    return;
  }
  const line = `${user}: ${roles.length === 0 ? 'no role' : roles.join(', ')}`;
  await done(command, (client) => client.admin().setRoles(user, roles), { user, roles }, line);
}

/** `default`: as the broker's option says. */
export interface LimitFlags {
  maxBytesPerSecond?: number | 'default';
  maxMessagesPerSecond?: number | 'default';
}

/** `ringmq user limit` */
export async function changeLimits(
  command: Command,
  user: string,
  { maxBytesPerSecond, maxMessagesPerSecond, ...flags }: LimitFlags & DestroyFlags,
): Promise<void> {
  const limits: Partial<UserLimits> = {
    ...(maxBytesPerSecond === undefined ? {} : { bytesPerSecond: wanted(maxBytesPerSecond) }),
    ...(maxMessagesPerSecond === undefined ? {} : { messagesPerSecond: wanted(maxMessagesPerSecond) }),
  };
  if (Object.keys(limits).length === 0) {
    command.error('error: say --max-bytes-per-second, --max-messages-per-second, or both');
  }
  const look = async (): Promise<Deed> => {
    const { limits: before } = await userThere(command, user);
    const told = { user, limits: { ...before, ...limits }, before };
    return {
      told,
      text: `have ${user} keep to ${limitsText(told.limits)} in place of ${limitsText(before)}`,
    };
  };
  if (!(await isToBeDone(command, { ...flags, yes: true }, look))) {
    return;
  }
  const { url, output } = sharedOptions(command);
  const { limits: now } = await withClient(url, (client) => client.admin().setLimits(user, limits));
  if (output === 'json') {
    return printJson({ user, limits: now });
  }
  process.stdout.write(`${user}: ${limitsText(now)}\n`);
}

function wanted(value: number | 'default'): number | null {
  return value === 'default' ? null : value;
}

function limitsText({ bytesPerSecond, messagesPerSecond }: UserLimits): string {
  return `${limitText(bytesPerSecond, 'bytes/s')}, ${limitText(messagesPerSecond, 'messages/s')}`;
}

function limitText(value: number | null, unit: 'bytes/s' | 'messages/s'): string {
  if (value === null) {
    return `${unit} as the broker says`;
  }
  return value === 0
    ? `no limit of ${unit}`
    : unit === 'bytes/s'
      ? `${formatSize(value)}/s`
      : `${value} ${unit}`;
}

/** `ringmq user list` */
export async function listUsers(command: Command): Promise<void> {
  const { url, output } = sharedOptions(command);
  const users = await withClient(url, (client) => client.admin().listUsers());
  if (output === 'json') {
    return printJson(users);
  }
  printTable(
    ['USER', 'ROLES', 'GRANTS', 'BYTES/S', 'MESSAGES/S', 'CHANGED'],
    users.map(({ user, roles, grants, limits, changedTime }) => [
      user,
      roles.join(',') || null,
      grants.length,
      shownLimit(limits.bytesPerSecond),
      shownLimit(limits.messagesPerSecond),
      changedAt(changedTime),
    ]),
  );
}

/** `ringmq user delete` */
export async function deleteUser(command: Command, user: string, flags: DestroyFlags): Promise<void> {
  const look = async (): Promise<Deed> => {
    const { roles, grants } = await userThere(command, user);
    const told = { user, roles, grants };
    return {
      told,
      text: `delete the user ${user}, with ${counted(grants.length, 'grant', 'grants')}, of role ${listed(roles)}, and end its connections`,
    };
  };
  if (!(await isToBeDone(command, flags, look))) {
    return;
  }
  await done(command, (client) => client.admin().deleteUser(user), { deleted: user }, `${user}: deleted`);
}

/** `ringmq role add` */
export async function addRole(
  command: Command,
  role: string,
  { ifNotExists = false }: { ifNotExists?: boolean },
): Promise<void> {
  await done(
    command,
    (client) => client.admin().createRole({ role, ifNotExists }),
    { role },
    `${role}: made`,
  );
}

/** `ringmq role list` */
export async function listRoles(command: Command): Promise<void> {
  const { url, output } = sharedOptions(command);
  const roles = await withClient(url, (client) => client.admin().listRoles());
  if (output === 'json') {
    return printJson(roles);
  }
  printTable(
    ['ROLE', 'GRANTS', 'CHANGED'],
    roles.map(({ role, grants, changedTime }) => [role, grants.length, changedAt(changedTime)]),
  );
}

/** `ringmq role delete` */
export async function deleteRole(command: Command, role: string, flags: DestroyFlags): Promise<void> {
  const look = async (): Promise<Deed> => {
    const { url } = sharedOptions(command);
    const [roles, users] = await withClient(url, async (client) => [
      await client.admin().listRoles(),
      await client.admin().listUsers(),
    ]);
    const found = roles.find((one) => one.role === role);
    if (found === undefined) {
      throw new RingMQError('USER_NOT_FOUND', `there is no role '${role}'; see \`ringmq role list\``);
    }
    const having = users.filter((user) => user.roles.includes(role)).map(({ user }) => user);
    return {
      told: { role, grants: found.grants, users: having },
      text: `delete the role ${role}, with ${counted(found.grants.length, 'grant', 'grants')}, of ${counted(having.length, 'user', 'users')}`,
    };
  };
  if (!(await isToBeDone(command, flags, look))) {
    return;
  }
  await done(command, (client) => client.admin().deleteRole(role), { deleted: role }, `${role}: deleted`);
}

/** `ringmq acl grant` and `ringmq acl revoke` */
export async function changeGrant(
  command: Command,
  change: 'grant' | 'revoke',
  to: string,
  { right, resource }: Grant,
  flags: DestroyFlags,
): Promise<void> {
  const look = async (): Promise<Deed> => {
    const { url } = sharedOptions(command);
    const grants = await withClient(url, (client) => client.admin().listGrants());
    const isGranted = grants.some(
      (grant) => grant.to === to && grant.right === right && grant.resource === resource,
    );
    const told = { to, right, resource, granted: isGranted };
    return {
      told,
      text: isGranted
        ? `take ${right} ${resource} from ${to}`
        : `change nothing: ${to} was not given ${right} ${resource}`,
    };
  };
  if (!(await isToBeDone(command, { ...flags, yes: true }, look))) {
    return;
  }
  const how = change === 'grant' ? 'may' : 'has no grant any more to';
  await done(
    command,
    (client) => client.admin()[change]({ to, right, resource }),
    { to, right, resource },
    `${to}: ${how} ${right} ${resource}`,
  );
}

/** `ringmq acl list` */
export async function listGrants(command: Command): Promise<void> {
  const { url, output } = sharedOptions(command);
  const grants = await withClient(url, (client) => client.admin().listGrants());
  if (output === 'json') {
    return printJson(grants);
  }
  printTable(
    ['TO', 'KIND', 'RIGHT', 'RESOURCE'],
    grants.map(({ to, isRole, right, resource }) => [to, isRole ? 'role' : 'user', right, resource]),
  );
}

/** `ringmq acl test`: exits 1 where it is not allowed. */
export async function testAccess(
  command: Command,
  user: string,
  right: Right,
  resource: string,
): Promise<void> {
  const { url, output } = sharedOptions(command);
  const allowed = await withClient(url, (client) => client.admin().testAccess({ user, right, resource }));
  if (output === 'json') {
    printJson({ user, right, resource, allowed });
  } else {
    process.stdout.write(`${allowed ? 'allowed' : 'denied'}\n`);
  }
  process.exitCode = allowed ? 0 : 1;
}

/** @throws RingMQError USER_NOT_FOUND */
async function userThere(command: Command, user: string): Promise<UserInfo> {
  const { url } = sharedOptions(command);
  const users = await withClient(url, (client) => client.admin().listUsers());
  const found = users.find((one) => one.user === user);
  if (found === undefined) {
    throw new RingMQError('USER_NOT_FOUND', `there is no user '${user}'; see \`ringmq user list\``);
  }
  return found;
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ');
}

/** null: it has none of its own. */
function shownLimit(value: number | null): string | null {
  return value === null ? null : value === 0 ? 'none' : String(value);
}

/** null: it is as the broker's first start made it. */
function changedAt(time: number): string | null {
  return time > 1 ? new Date(time).toISOString() : null;
}
