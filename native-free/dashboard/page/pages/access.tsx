/** Users, roles, what they may do, and a question about it. */
import { useSignal } from '@preact/signals';
import type { GrantInfo, Right, RoleInfo, UserInfo } from '../../../client/index.js';
import { useAsked, useMayChange } from '../ask.js';
import { moment } from '../format.js';
import { href } from '../route.js';
import { backend, where } from '../session.js';
import { Table } from '../table.js';
import { t } from '../text.js';
import {
  Answer,
  Button,
  Choice,
  DestroyDialog,
  Dialog,
  Field,
  Input,
  Note,
  PageHead,
  Panel,
  Tabs,
  Tag,
} from '../ui.js';

const PARTS = ['list', 'roles', 'test'] as const;
type Part = (typeof PARTS)[number];
const PART_NAMES = { list: 'users', roles: 'roles', test: 'testRight' } as const;

interface Access {
  users: UserInfo[];
  roles: RoleInfo[];
}

type Open =
  | { what: 'user' | 'role' }
  | { what: 'password' | 'setRoles' | 'deleteUser'; user: UserInfo }
  | { what: 'deleteRole'; role: RoleInfo }
  | { what: 'grant'; to: string; grants: readonly Pick<GrantInfo, 'right' | 'resource'>[] };

export function AccessPage({ part }: { part: string }) {
  const shown: Part = PARTS.find((each) => each === part) ?? 'list';
  const asked = useAsked<Access>(
    'access',
    async () => {
      const [users, roles] = await Promise.all([backend().admin('listUsers'), backend().admin('listRoles')]);
      return { users, roles };
    },
    10_000,
  );
  const open = useSignal<Open | null>(null);
  const manages = useMayChange('manage', 'cluster');
  const show = (what: Open) => () => {
    open.value = what;
  };
  const close = (): void => {
    open.value = null;
    asked.again();
  };
  return (
    <>
      <PageHead title={t('users')}>
        {manages && (
          <>
            <Button tone="primary" onClick={show({ what: 'user' })}>
              {t('createUser')}
            </Button>
            <Button onClick={show({ what: 'role' })}>{t('createRole')}</Button>
          </>
        )}
      </PageHead>
      <Tabs
        of={shown}
        tabs={PARTS.map((each) => [each, t(PART_NAMES[each])])}
        href={(to) => href('users', to)}
      />
      <Answer of={asked}>
        {({ users, roles }) => (
          <>
            {shown === 'list' && <Users users={users} show={manages ? show : null} />}
            {shown === 'roles' && <Roles roles={roles} show={manages ? show : null} />}
            {shown === 'test' && <TestRight users={users} />}
            <Opened open={open.value} roles={roles} onClose={close} />
          </>
        )}
      </Answer>
    </>
  );
}

type Show = ((what: Open) => () => void) | null;

function Users({ users, show }: { users: readonly UserInfo[]; show: Show }) {
  return (
    <Table<UserInfo>
      label={t('users')}
      rows={users}
      keyOf={({ user }) => user}
      empty={t('noUsers')}
      columns={[
        { name: t('user'), grow: 1.5, cell: ({ user }) => <strong>{user}</strong> },
        {
          name: t('roles'),
          grow: 1.5,
          cell: ({ roles }) =>
            roles.map((role) => (
              <Tag key={role} tone={role === 'admin' ? 'accent' : 'plain'}>
                {role}
              </Tag>
            )),
        },
        { name: t('rights'), grow: 3, cell: ({ grants }) => grantsText(grants) },
        { name: t('changed'), min: 142, cell: ({ changedTime }) => moment(changedTime) },
        ...(show === null
          ? []
          : [
              {
                name: t('action'),
                grow: 3.2,
                cell: (user: UserInfo) => (
                  <>
                    <Button
                      tone="quiet"
                      onClick={show({ what: 'grant', to: user.user, grants: user.grants })}
                    >
                      {t('rights')}
                    </Button>
                    <Button tone="quiet" onClick={show({ what: 'setRoles', user })}>
                      {t('roles')}
                    </Button>
                    <Button tone="quiet" onClick={show({ what: 'password', user })}>
                      {t('password')}
                    </Button>
                    <Button tone="quiet" onClick={show({ what: 'deleteUser', user })}>
                      {t('delete')}
                    </Button>
                  </>
                ),
              },
            ]),
      ]}
    />
  );
}

function Roles({ roles, show }: { roles: readonly RoleInfo[]; show: Show }) {
  return (
    <Table<RoleInfo>
      label={t('roles')}
      rows={roles}
      keyOf={({ role }) => role}
      columns={[
        { name: t('role'), grow: 1.5, cell: ({ role }) => <strong>{role}</strong> },
        { name: t('rights'), grow: 4, cell: ({ grants }) => grantsText(grants) },
        ...(show === null
          ? []
          : [
              {
                name: t('action'),
                grow: 1.5,
                cell: (role: RoleInfo) =>
                  role.role === 'admin' ? (
                    t('builtIn')
                  ) : (
                    <>
                      <Button
                        tone="quiet"
                        onClick={show({ what: 'grant', to: role.role, grants: role.grants })}
                      >
                        {t('rights')}
                      </Button>
                      <Button tone="quiet" onClick={show({ what: 'deleteRole', role })}>
                        {t('delete')}
                      </Button>
                    </>
                  ),
              },
            ]),
      ]}
    />
  );
}

function grantsText(grants: readonly { right: string; resource: string }[]): string {
  return grants.length === 0 ? '–' : grants.map(({ right, resource }) => `${right} ${resource}`).join(', ');
}

function Opened({
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

function SetPassword({ user, onClose }: { user: string; onClose: () => void }) {
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
      onDo={() =>
        backend().admin('setPassword', user, password.value, isOwn ? { oldPassword: before.value } : {})
      }
    >
      <p>{t('passwordWhat', { user })}</p>
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

const RIGHT_NAMES: readonly Right[] = ['publish', 'subscribe', 'manage'];

function Grants({
  to,
  grants,
  onClose,
}: {
  to: string;
  grants: readonly Pick<GrantInfo, 'right' | 'resource'>[];
  onClose: () => void;
}) {
  const right = useSignal<Right>('subscribe');
  const resource = useSignal('topic:');
  const gone = useSignal<readonly string[]>([]);
  const isNew = resource.value.trim() !== '' && resource.value.trim() !== 'topic:';
  return (
    <Dialog
      title={t('rightsOf', { name: to })}
      action={t('set')}
      isReady={isNew || gone.value.length > 0}
      done={t('done')}
      onClose={onClose}
      onDo={async () => {
        for (const grant of grants.filter((each) => gone.value.includes(`${each.right} ${each.resource}`))) {
          await backend().admin('revoke', { to, right: grant.right, resource: grant.resource });
        }
        if (isNew) {
          await backend().admin('grant', { to, right: right.value, resource: resource.value.trim() });
        }
      }}
    >
      {grants.map((grant) => {
        const key = `${grant.right} ${grant.resource}`;
        return (
          <label key={key} class="check">
            <input
              type="checkbox"
              checked={!gone.value.includes(key)}
              onChange={(event) => {
                const rest = gone.value.filter((each) => each !== key);
                gone.value = event.currentTarget.checked ? rest : [...rest, key];
              }}
            />
            <code>{key}</code>
          </label>
        );
      })}
      <div class="pair">
        <Field name={t('right')}>
          <Choice<Right> of={right} options={RIGHT_NAMES.map((each) => [each, each])} />
        </Field>
        <Field name={t('resource')} hint={t('resourceHint')}>
          <Input of={resource} />
        </Field>
      </div>
    </Dialog>
  );
}

function TestRight({ users }: { users: readonly UserInfo[] }) {
  const user = useSignal(users[0]?.user ?? '');
  const right = useSignal<Right>('subscribe');
  const resource = useSignal('topic:');
  const answer = useSignal<{ question: string; allowed: boolean } | { problem: string } | null>(null);
  return (
    <Panel title={t('testRight')}>
      <form
        class="search"
        onSubmit={(event) => {
          event.preventDefault();
          const question = { user: user.value.trim(), right: right.value, resource: resource.value.trim() };
          backend()
            .admin('testAccess', question)
            .then(
              (allowed) => {
                answer.value = {
                  question: `${question.user} ${question.right} ${question.resource}`,
                  allowed,
                };
              },
              (error: unknown) => {
                answer.value = { problem: error instanceof Error ? error.message : String(error) };
              },
            );
        }}
      >
        <Field name={t('user')}>
          <Input of={user} />
        </Field>
        <Field name={t('right')}>
          <Choice<Right> of={right} options={RIGHT_NAMES.map((each) => [each, each])} />
        </Field>
        <Field name={t('resource')}>
          <Input of={resource} />
        </Field>
        <Button type="submit" tone="primary">
          {t('test')}
        </Button>
      </form>
      {answer.value !== null && (
        <div role="status">
          {'problem' in answer.value ? (
            <Note tone="bad">{answer.value.problem}</Note>
          ) : (
            <Note tone={answer.value.allowed ? 'good' : 'warn'}>
              <code>{answer.value.question}</code>: {t(answer.value.allowed ? 'allowed' : 'denied')}
            </Note>
          )}
        </div>
      )}
    </Panel>
  );
}
