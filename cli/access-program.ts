/** The commands of users and rights, with their flags. */
import { Argument, type Command, Option } from 'commander';
import { AUDIT_RESULTS } from '../native-free/wire/audit.js';
import type { LimitFlags } from './access-command.js';
import type { AuditOptions } from './audit-command.js';
import { type DestroyFlags, destroys } from './destroy.js';
import { collect, nameArgument, resourceArgument, timeFlag, userLimitFlag } from './flags.js';
import { NEW_PASSWORD_FLAG } from './new-password.js';

const RIGHT = 'what it may do';

export function addAccess(program: Command): void {
  addUser(program);
  addRole(program);
  addAcl(program);
  addAudit(program);
}

function nameOf(what: string): Argument {
  return new Argument('<name>', `the ${what}`).argParser(nameArgument);
}

const FILE =
  'file of the new password, one line, `-` or none: stdin; behind `user add`, --password-file is the same';

function addUser(program: Command): void {
  const user = program
    .command('user')
    .description('make, list, delete users of a broker where clients log in (--auth)');
  user
    .command('add')
    .description('make a user, who may do nothing but what its roles may')
    .addArgument(nameOf('user'))
    .option(`${NEW_PASSWORD_FLAG} <file>`, FILE)
    .option('--role <role>', 'a role that it has, admin for every right; repeatable', collect)
    .option('--if-not-exists', 'a user that is there already is no error, and stays as it is')
    .action(async (name: string, options: object, command: Command) => {
      await (await import('./access-command.js')).addUser(command, name, options);
    });
  user
    .command('passwd')
    .description('give a user another password; its open connections end')
    .addArgument(nameOf('user'))
    .option(`${NEW_PASSWORD_FLAG} <file>`, FILE)
    .action(async (name: string, options: object, command: Command) => {
      await (await import('./access-command.js')).changePassword(command, name, options);
    });
  destroys(user.command('roles'), true)
    .description('the roles that a user has from now on; none named: none')
    .addArgument(nameOf('user'))
    .argument('[roles...]', 'its roles')
    .action(async (name: string, roles: string[], flags: DestroyFlags, command: Command) => {
      await (await import('./access-command.js')).changeRoles(command, name, roles, flags);
    });
  destroys(user.command('limit'), true)
    .description(
      'what a user may send, and be sent, a second, over all its connections; what no flag says stays as it is',
    )
    .addArgument(nameOf('user'))
    .option(
      '--max-bytes-per-second <size>',
      "bytes of messages, like 10MiB; none: no limit; default: the broker's --user-bytes-per-second",
      userLimitFlag('bytesPerSecond'),
    )
    .option(
      '--max-messages-per-second <n>',
      "messages; none: no limit; default: the broker's --user-messages-per-second",
      userLimitFlag('messagesPerSecond'),
    )
    .action(async (name: string, flags: LimitFlags & DestroyFlags, command: Command) => {
      await (await import('./access-command.js')).changeLimits(command, name, flags);
    });
  user
    .command('list')
    .description('all users, one a line')
    .action(async (_options: unknown, command: Command) => {
      await (await import('./access-command.js')).listUsers(command);
    });
  destroys(user.command('delete'))
    .description('delete a user; its open connections end')
    .addArgument(nameOf('user'))
    .action(async (name: string, flags: DestroyFlags, command: Command) => {
      await (await import('./access-command.js')).deleteUser(command, name, flags);
    });
}

function addRole(program: Command): void {
  const role = program.command('role').description('make, list, delete roles: rights that users share');
  role
    .command('add')
    .description('make a role, without any right yet')
    .addArgument(nameOf('role'))
    .option('--if-not-exists', 'a role that is there already is no error')
    .action(async (name: string, options: object, command: Command) => {
      await (await import('./access-command.js')).addRole(command, name, options);
    });
  role
    .command('list')
    .description('all roles, one a line; admin, which has every right, is always there')
    .action(async (_options: unknown, command: Command) => {
      await (await import('./access-command.js')).listRoles(command);
    });
  destroys(role.command('delete'))
    .description('delete a role; users that have it lose its rights')
    .addArgument(nameOf('role'))
    .action(async (name: string, flags: DestroyFlags, command: Command) => {
      await (await import('./access-command.js')).deleteRole(command, name, flags);
    });
}

function addAcl(program: Command): void {
  const acl = program.command('acl').description('what users and roles may do');
  const right = (): Argument => new Argument('<right>', RIGHT).choices(['publish', 'subscribe', 'manage']);
  const resource = (): Argument =>
    new Argument('<resource>', 'topic:NAME, group:NAME, either with * at its end, cluster, or *').argParser(
      resourceArgument,
    );
  for (const change of ['grant', 'revoke'] as const) {
    const command = acl.command(change);
    if (change === 'revoke') {
      destroys(command, true);
    }
    command
      .description(
        change === 'grant'
          ? 'give a user or a role a right; open connections have it within a second'
          : 'take a right back, written as it was given',
      )
      .addArgument(nameOf('user or role'))
      .addArgument(right())
      .addArgument(resource())
      .action(async (to: string, given: 'publish', on: string, flags: DestroyFlags, used: Command) => {
        const grant = { right: given, resource: on };
        await (await import('./access-command.js')).changeGrant(used, change, to, grant, flags);
      });
  }
  acl
    .command('list')
    .description('everything that is granted, one a line')
    .action(async (_options: unknown, command: Command) => {
      await (await import('./access-command.js')).listGrants(command);
    });
  acl
    .command('test')
    .description('whether a user may do that; exits 1 if not')
    .addArgument(nameOf('user'))
    .addArgument(right())
    .addArgument(resource())
    .action(async (name: string, given: 'publish', on: string, _options: unknown, command: Command) => {
      await (await import('./access-command.js')).testAccess(command, name, given, on);
    });
}

function addAudit(program: Command): void {
  program
    .command('audit')
    .description('what administrators did, and logins that failed')
    .command('list')
    .description('entries that are kept, the oldest first')
    .option('--from <time>', 'none before, a time like 2026-01-31T12:00:00Z', timeFlag)
    .addOption(
      new Option('--until <time>', 'none of that time or later').argParser(timeFlag).conflicts('follow'),
    )
    .option('--by <user>', 'what this user did; "" for nobody, as the host\'s own process')
    .option('--action <name>', 'what was done, by its name, as createTopic or login')
    .option('--on <resource>', 'on what, as topic:orders; with * at its end on all that begins so')
    .addOption(new Option('--result <result>', 'what came of it').choices(AUDIT_RESULTS))
    .option('--filter <text>', 'with that in their user, method, resource, address or code')
    .option('--follow', 'go on with what comes, a line each, until interrupted')
    .action(async (options: AuditOptions, command: Command) => {
      await (await import('./audit-command.js')).listAudit(command, options);
    });
}
