/**
 * `--password-file` is two things: before a command the file of who runs it, behind `user add` and `user
 * passwd` that of the new password. Flags of the whole command are taken wherever they stand, so the second
 * one gets a name of its own.
 */

const FLAG = '--password-file';
export const NEW_PASSWORD_FLAG = '--new-password-file';

export function newPasswordFile(args: readonly string[]): string[] {
  const at = args.findIndex(
    (arg, i) => arg === 'user' && ['add', 'passwd'].includes(args[i + 1] ?? '') && args[i - 1] !== '--user',
  );
  return args.map((arg, i) => {
    if (at < 0 || i < at || (arg !== FLAG && !arg.startsWith(`${FLAG}=`))) {
      return arg;
    }
    return NEW_PASSWORD_FLAG + arg.slice(FLAG.length);
  });
}
