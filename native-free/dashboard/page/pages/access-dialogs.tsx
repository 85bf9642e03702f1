/** Making, changing and deleting users and roles. */
import { useSignal } from '@preact/signals';
import type { GrantInfo, RoleInfo, UserInfo } from '../../../client/index.js';
import { Field, Input } from '../controls.js';
import { DestroyDialog, Dialog } from '../dialog.js';
import { backend, logInAgain, where } from '../session.js';
import { t } from '../text.js';
import { Grants } from './access-grants.js';
import { LimitsDialog } from './user-limits.js';

/** The dialog that is open, and whom it is about. */
export type Open =
  | { what: 'user' | 'role' }
  | { what: 'password' | 'setRoles' | 'limits' | 'deleteUser'; user: UserInfo }
  | { what: 'deleteRole'; role: RoleInfo }
  | { what: 'grant'; to: string; grants: readonly Pick<GrantInfo, 'right' | 'resource'>[] };

export function AccessDialog({
  open,
  roles,
  onClose,
}: {
  open: Open | null;
  roles: readonly RoleInfo[];
  onClose: () => void;
}) {
  switch (open?.what) {
    case 'user':
      return <CreateUser onClose={onClose} />;
    case 'role':
      return <CreateRole onClose={onClose} />;
    case 'password':
      return <SetPassword user={open.user.user} onClose={onClose} />;
    case 'setRoles':
      return <SetRoles user={open.user} roles={roles} onClose={onClose} />;
    case 'limits':
      return <LimitsDialog user={open.user} onClose={onClose} />;
    case 'grant':
      return <Grants to={open.to} grants={open.grants} onClose={onClose} />;
    case 'deleteUser':
      return (
        <DestroyDialog
          title={t('deleteUser')}
          name={open.user.user}
          what={t('deleteUserWhat', { user: open.user.user })}
          action={t('delete')}
          onDo={() => backend().admin('deleteUser', open.user.user)}
          onClose={onClose}
        />
      );
    case 'deleteRole':
      return (
        <DestroyDialog
          title={t('deleteRole')}
          name={open.role.role}
          what={t('deleteRoleWhat', { role: open.role.role })}
          action={t('delete')}
          onDo={() => backend().admin('deleteRole', open.role.role)}
          onClose={onClose}
        />
      );
    default:
      return null;
  }
}

function CreateUser({ onClose }: { onClose: () => void }) {
  const user = useSignal('');
  const password = useSignal('');
  return (
    <Dialog
      title={t('createUser')}
      action={t('create')}
      isReady={user.value.trim() !== '' && password.value !== ''}
      done={t('done')}
      onClose={onClose}
      onDo={() => backend().admin('createUser', { user: user.value.trim(), password: password.value })}
    >
      <Field name={t('user')}>
        <Input of={user} autofocus />
      </Field>
      <Field name={t('password')} hint={t('passwordHint')}>
        <Input of={password} type="password" autocomplete="new-password" />
      </Field>
    </Dialog>
  );
}

/** Of another user, or one's own, which everybody may set. */
export function SetPassword({ user, onClose }: { user: string; onClose: () => void }) {
  const password = useSignal('');
  const before = useSignal('');
  const isOwn = where.value?.user === user;
  return (
    <Dialog
      title={t('passwordOf', { user })}
      action={t('set')}
      isReady={password.value !== ''}
      done={t('done')}
      onClose={onClose}
      onDo={async () => {
        await backend().admin(
          'setPassword',
          user,
          password.value,
          isOwn ? { oldPassword: before.value } : {},
        );
        if (isOwn) {
          await logInAgain(user, password.value);
        }
      }}
    >
      <p>{t(isOwn ? 'passwordOwnWhat' : 'passwordWhat', { user })}</p>
      {isOwn && (
        <Field name={t('oldPassword')} hint={t('oldPasswordHint')}>
          <Input of={before} type="password" autocomplete="current-password" />
        </Field>
      )}
      <Field name={t('password')} hint={t('passwordHint')}>
        <Input of={password} type="password" autocomplete="new-password" autofocus />
      </Field>
    </Dialog>
  );
}

function CreateRole({ onClose }: { onClose: () => void }) {
  const role = useSignal('');
  return (
    <Dialog
      title={t('createRole')}
      action={t('create')}
      isReady={role.value.trim() !== ''}
      done={t('done')}
      onClose={onClose}
      onDo={() => backend().admin('createRole', { role: role.value.trim() })}
    >
      <Field name={t('role')} hint={t('nameHint')}>
        <Input of={role} autofocus />
      </Field>
    </Dialog>
  );
}

function SetRoles({
  user,
  roles,
  onClose,
}: {
  user: UserInfo;
  roles: readonly RoleInfo[];
  onClose: () => void;
}) {
  const chosen = useSignal<readonly string[]>(user.roles);
  return (
    <Dialog
      title={t('rolesOf', { user: user.user })}
      action={t('set')}
      done={t('done')}
      onClose={onClose}
      onDo={() => backend().admin('setRoles', user.user, chosen.value)}
    >
      {roles.map(({ role }) => (
        <label key={role} class="check">
          <input
            type="checkbox"
            checked={chosen.value.includes(role)}
            onChange={(event) => {
              const rest = chosen.value.filter((each) => each !== role);
              chosen.value = event.currentTarget.checked ? [...rest, role] : rest;
            }}
          />
          <span>{role}</span>
        </label>
      ))}
    </Dialog>
  );
}
