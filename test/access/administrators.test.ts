/** Somebody can always change rights: the last administrator stays, and where there is no user the first one is made. */
import { expect, test } from 'vitest';
import { ensureAdministrator } from '../../broker/first-administrator.js';
import { AccessAdmin } from '../../engine/access/access-admin.js';
import { AccessDesk } from '../../engine/access/access-desk.js';
import type { Engine } from '../../engine/engine.js';
import { AccessState } from '../../engine/meta/access-state.js';
import { ROLE } from '../../engine/term/shared-words.js';
import { verifierOf } from '../../native-free/client/link/scram-login.js';

interface Rig {
  state: AccessState;
  desk: AccessDesk;
  admin: AccessAdmin;
}

/** A log that has at once what is appended. */
function rig(): Rig {
  const state = new AccessState();
  const desk = new AccessDesk({ state });
  const append = (records: readonly Parameters<AccessState['apply']>[0][]): Promise<void> => {
    for (const record of records) {
      state.apply(record);
    }
    return Promise.resolve();
  };
  return { state, desk, admin: new AccessAdmin({ state, desk, append }) };
}

const REFUSED = { code: 'BAD_ARGUMENT', message: expect.stringContaining('nobody would be left') };

test('the last administrator can neither be deleted nor lose its rights, in any way', async () => {
  const { admin } = rig();
  const scram = await verifierOf('x');
  await admin.createUser({ user: 'plain', scram });
  await admin.createUser({ user: 'admin', scram, roles: ['admin'] });
  await admin.createRole({ role: 'keepers' });
  await admin.grant({ to: 'keepers', right: 'manage', resource: 'cluster' });
  await expect(admin.deleteUser({ user: 'admin' })).rejects.toMatchObject(REFUSED);
  await expect(admin.setRoles({ user: 'admin', roles: [] })).rejects.toMatchObject(REFUSED);
  await admin.setPassword({ user: 'admin', scram });
  await admin.setRoles({ user: 'plain', roles: ['keepers'] });
  await admin.deleteUser({ user: 'admin' });
  await expect(admin.deleteRole({ role: 'keepers' })).rejects.toMatchObject(REFUSED);
  await expect(admin.revoke({ to: 'keepers', right: 'manage', resource: 'cluster' })).rejects.toMatchObject(
    REFUSED,
  );
  await admin.grant({ to: 'plain', right: 'manage', resource: '*' });
  await admin.deleteRole({ role: 'keepers' });
  await expect(admin.revoke({ to: 'plain', right: 'manage', resource: '*' })).rejects.toMatchObject(REFUSED);
});

test('an administrator that was deleted, and everybody with it, is made anew by a start', async () => {
  const { state, desk, admin } = rig();
  // Two sets that did not hear of each other have deleted one each.
  state.apply({ type: 'principalGone', name: 'admin', changedTime: 1_000 });
  let tries = 0;
  const engine = {
    mastership: { term: { role: ROLE.master } },
    access: desk,
    takeAccess: (records: readonly unknown[]) => admin.take(records),
  } as unknown as Engine;
  await ensureAdministrator(engine, 'password', null, () => ++tries > 3);
  expect(state.users.get('admin')?.roles).toEqual(['admin']);
});

test('two masters that changed a user in one moment agree on it, and an end counts before a change', async () => {
  const [a, b] = [rig(), rig()];
  const [one, two] = await Promise.all([verifierOf('one'), verifierOf('two')]);
  const user = (name: string, scram: typeof one) =>
    ({ type: 'user', name, scram, roles: [], grants: [], changedTime: 5 }) as const;
  a.state.apply(user('anna', one));
  b.state.apply(user('anna', two));
  a.state.apply(user('ben', one));
  b.state.apply({ type: 'principalGone', name: 'ben', changedTime: 5 });
  expect(a.desk.digest).not.toBe(b.desk.digest);
  await a.admin.take(b.admin.records(a.desk.digest));
  await b.admin.take(a.admin.records(b.desk.digest));
  expect(a.desk.digest).toBe(b.desk.digest);
  expect(a.state.users.get('anna')).toEqual(b.state.users.get('anna'));
  expect(a.state.users.has('ben')).toBe(false);
});

test('users without an administrator among them do not keep a start from making one', async () => {
  const { state, desk, admin } = rig();
  await admin.createUser({ user: 'plain', scram: await verifierOf('x') });
  const engine = {
    mastership: { term: { role: ROLE.master } },
    access: desk,
    takeAccess: (records: readonly unknown[]) => admin.take(records),
  } as unknown as Engine;
  await ensureAdministrator(engine, 'password', null, () => false);
  expect(state.users.get('admin')?.roles).toEqual(['admin']);
  expect(desk.hasAdministrator).toBe(true);
});

test('who had a role that was deleted does not have one of the same name that comes later', async () => {
  const { admin, desk } = rig();
  const scram = await verifierOf('x');
  await admin.createRole({ role: 'readers' });
  await admin.createUser({ user: 'anna', scram, roles: ['readers'] });
  await admin.grant({ to: 'anna', right: 'publish', resource: 'topic:a' });
  await admin.deleteRole({ role: 'readers' });
  expect(admin.users()).toMatchObject([{ user: 'anna', roles: [] }]);
  await admin.createRole({ role: 'readers' });
  await admin.grant({ to: 'readers', right: 'manage', resource: '*' });
  expect(desk.rightsOf('anna')?.may('manage', 'cluster')).toBe(false);
  expect(desk.rightsOf('anna')?.may('publish', 'topic:a')).toBe(true);
});

test('a user that sets its password where nobody has heard of it yet undoes neither its end nor what was taken from it', async () => {
  const [here, away] = [rig(), rig()];
  const scram = await verifierOf('x');
  for (const user of ['anna', 'ben']) {
    await here.admin.createUser({ user, scram });
    await here.admin.grant({ to: user, right: 'publish', resource: 'topic:a' });
  }
  await away.admin.take(here.admin.records(null));
  // A moment later than all that, so that it is not for the same millisecond that it counts.
  const before = Date.now();
  while (Date.now() < before + 20) {}
  await here.admin.deleteUser({ user: 'anna' });
  await here.admin.revoke({ to: 'ben', right: 'publish', resource: 'topic:a' });
  const other = await verifierOf('y');
  await away.admin.setPassword({ user: 'anna', scram: other });
  await away.admin.setPassword({ user: 'ben', scram: other });
  await here.admin.take(away.admin.records(here.desk.digest));
  await away.admin.take(here.admin.records(away.desk.digest));
  for (const { admin } of [here, away]) {
    expect(admin.users()).toMatchObject([{ user: 'ben', grants: [] }]);
  }
});
