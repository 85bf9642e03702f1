/** Users, roles, what they may do, and a question about it. */
import { useSignal } from '@preact/signals';
import type { RoleInfo, UserInfo } from '../../../client/index.js';
import { useAsked, useMayChange } from '../ask.js';
import { Button } from '../controls.js';
import { moment } from '../format.js';
import { href } from '../route.js';
import { backend } from '../session.js';
import { Table } from '../table.js';
import { t } from '../text.js';
import { Answer, PageHead, Tabs, Tag } from '../ui.js';
import { AccessDialog, type Open } from './access-dialogs.js';
import { TestRight } from './access-grants.js';
import { limitsText } from './user-limits.js';

const PARTS = ['list', 'roles', 'test'] as const;
type Part = (typeof PARTS)[number];
const PART_NAMES = { list: 'users', roles: 'roles', test: 'testRight' } as const;

interface Access {
  users: UserInfo[];
  roles: RoleInfo[];
}

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
            <AccessDialog open={open.value} roles={roles} onClose={close} />
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
        {
          name: t('rights'),
          grow: 2.5,
          cell: ({ grants }) => <span title={grantsText(grants)}>{grantsText(grants)}</span>,
        },
        {
          name: t('limits'),
          grow: 2,
          cell: ({ limits }) => <span title={limitsText(limits)}>{limitsText(limits)}</span>,
        },
        { name: t('changed'), min: 156, cell: ({ changedTime }) => moment(changedTime) },
        ...(show === null
          ? []
          : [
              {
                name: t('action'),
                min: 350,
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
                    <Button tone="quiet" onClick={show({ what: 'limits', user })}>
                      {t('limits')}
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
