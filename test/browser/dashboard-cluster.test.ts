/** Every action of the dashboard, on a cluster of three brokers that run as processes. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../native-free/client/index.js';
import { ClusterViewer } from './cluster-viewer.js';
import type { DashboardCluster } from './dashboard-cluster.js';
import type { Viewer } from './dashboard-rig.js';

let rig: ClusterViewer;
let cluster: DashboardCluster;
let client: Client;
let viewer: Viewer;

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

beforeAll(async () => {
  rig = await ClusterViewer.start();
  ({ cluster, client, viewer } = rig);
});

afterAll(() => rig?.close());

describe('topics and messages', () => {
  it('a topic is made, written to, looked at, and deleted', async () => {
    const { page } = viewer;
    await viewer.go('Topics');
    await viewer.button('Create topic').click();
    await viewer.dialog.getByLabel('Name').fill('made/here');
    await viewer.dialog.getByLabel('Queues').fill('3');
    await viewer.dialog.getByRole('button', { name: 'Create' }).click();
    await viewer.heading('made/here');
    expect((await client.admin().describeTopic('made/here')).queues).toBe(6);

    await viewer.button('Publish').click();
    await viewer.dialog.getByLabel('Body').fill('{"hello":"grüße"}');
    await viewer.dialog.getByLabel('Tag').fill('by-hand');
    await viewer.dialog.getByLabel('Keys').fill('k-1 k-2');
    await viewer.dialog.getByLabel('Properties').fill('from=a page');
    await viewer.dialog.getByRole('button', { name: 'Publish' }).click();
    await viewer.sees(/Stored in queue/);
    const [sent] = await client.peek({ topic: 'made/here' });
    expect(sent).toMatchObject({ tag: 'by-hand', keys: ['k-1', 'k-2'], properties: { from: 'a page' } });
    expect(sent?.text()).toBe('{"hello":"grüße"}');

    await page.getByRole('link', { name: 'messages' }).click();
    await page.getByRole('row', { name: /k-1, k-2/ }).click();
    const body = page.getByRole('region', { name: 'Body' });
    expect(await body.textContent()).toBe('{\n  "hello": "grüße"\n}');
    await viewer.button('Hex').click();
    expect(await body.textContent()).toMatch(/^00000000 {2}7b 22 68 65 6c 6c 6f/);
    await viewer.button('Text').click();
    expect(await body.textContent()).toBe('{"hello":"grüße"}');

    await viewer.button('Grow').click();
    await viewer.dialog.getByText('has 3 queues').waitFor();
    const grow = viewer.dialog.getByRole('button', { name: 'Grow' });
    await viewer.dialog.getByLabel('Queues').fill('3');
    expect(await grow.isDisabled()).toBe(true);
    await viewer.dialog.getByLabel('Queues').fill('5');
    await grow.click();
    await viewer.dialog.waitFor({ state: 'detached' });
    const grown = await client.admin().describeTopic('made/here');
    expect(grown.parts?.map(({ queues }) => queues)).toEqual([5, 5]);

    await viewer.button('Retention').click();
    const age = viewer.dialog.getByRole('button', { name: 'Retention' });
    await viewer.dialog.getByLabel('Retention').fill('0');
    expect(await age.isDisabled()).toBe(true);
    await viewer.dialog.getByLabel('Retention').fill('1.5');
    await age.click();
    await viewer.dialog.waitFor({ state: 'detached' });
    const aged = await client.admin().describeTopic('made/here');
    expect(aged.retentionMs).toBe(5_400_000);

    await viewer.button('Delete').click();
    const sure = viewer.dialog.getByRole('button', { name: 'Delete' });
    expect(await sure.isDisabled()).toBe(true);
    await viewer.dialog.getByLabel('Write made/here to go on').fill('made/here');
    await sure.click();
    await viewer.heading('Topics');
    await expect(client.admin().describeTopic('made/here')).rejects.toMatchObject({
      code: 'TOPIC_NOT_FOUND',
    });
  });

  it('messages are found by key, id, tag, offset and time, and exported', async () => {
    const { page } = viewer;
    await page.goto(`${cluster.page}/#/topics/orders/messages`);
    const table = page.getByRole('table', { name: 'messages' });
    const rows = () => table.getByRole('row').count();
    await until(async () => (await rows()) > 10);
    const look = async (by: string, label?: string, text = ''): Promise<void> => {
      await page.getByLabel('Look for').selectOption({ label: by });
      if (label !== undefined) {
        await page.getByLabel(label, { exact: true }).fill(text);
      }
      await viewer.button('Look').click();
    };
    await look('By key', 'Key', 'o-17');
    await until(async () => (await rows()) === 2);
    await table.getByRole('row', { name: /o-17/ }).waitFor();
    const [message] = (await client.admin().findMessages({ topic: 'orders', key: 'o-21' })).messages;
    await look('By message id', 'Message id', message?.messageId);
    await table.getByRole('row', { name: /o-21/ }).waitFor();
    await until(async () => (await rows()) === 2);
    await look('Earliest');
    await until(async () => (await rows()) > 12);
    await page.getByLabel('Tag').fill('open');
    await look('Earliest');
    await until(async () => (await table.getByText('paid').count()) === 0 && (await rows()) > 2);
    await page.getByLabel('Tag').fill('');
    await page.getByLabel('Queue').selectOption('b/0');
    await look('From an offset', 'Offset', '3');
    // What is shown stays until there is something in its place.
    await table
      .getByRole('button', { name: /^(?!b\/0 : )/ })
      .first()
      .waitFor({ state: 'detached' });
    await table.getByRole('button', { name: 'b/0 : 3' }).waitFor();
    expect(await table.getByRole('button', { name: 'b/0 : 2' }).count()).toBe(0);
    await look('From a time', 'Time', '2020-01-01T00:00:00');
    await table.getByRole('button', { name: 'b/0 : 0' }).waitFor();

    await page.getByLabel('Queue').selectOption({ label: 'All queues' });
    await look('Earliest');
    const saved = async (name: string): Promise<string> => {
      const [download] = await Promise.all([page.waitForEvent('download'), viewer.button(name).click()]);
      return readFileSync(await download.path(), 'utf8');
    };
    const lines = (await saved('NDJSON')).trim().split('\n');
    expect(lines.length).toBe(60);
    const keys = lines.map((line) => (JSON.parse(line) as { keys: string[] }).keys[0]);
    expect(new Set(keys).size).toBe(60);
    const csv = await saved('CSV');
    expect(csv.split('\r\n').length).toBe(62);
    expect(csv).toContain('"{""order"":');
  });
});

describe('groups', () => {
  it('are made; a reset is planned before it is done, and copied from another group; they are deleted', async () => {
    const { page } = viewer;
    const admin = client.admin();
    await viewer.go('Groups');
    await viewer.button('Create group').click();
    await viewer.dialog.getByLabel('Name').fill('billing');
    await viewer.dialog.getByRole('button', { name: 'Create' }).click();
    await viewer.heading('billing');
    const committed = async (group: string): Promise<number> =>
      (await admin.describeGroup(group)).queues.reduce((sum, queue) => sum + (queue.committedOffset ?? 0), 0);

    await viewer.button('Reset offsets').click();
    await viewer.dialog.getByLabel('Topic').fill('orders');
    await viewer.dialog.getByRole('button', { name: 'Show what it would do' }).click();
    await viewer.sees('0 messages would be read again, 60 passed over.');
    expect(await committed('billing')).toBe(0);
    await viewer.dialog.getByRole('button', { name: 'Reset', exact: true }).click();
    await viewer.sees(/billing goes on there/);
    expect(await committed('billing')).toBe(60);
    await page.getByRole('table', { name: 'Queues' }).getByRole('row').nth(4).waitFor();

    await admin.resetOffset({ group: 'billing', topic: 'orders', to: 'earliest' });
    await viewer.button('Skip').click();
    await viewer.dialog.getByLabel('messages').fill('5');
    await viewer.sees(/billing passes over 5 messages of this queue and goes on at offset 5/);
    await viewer.dialog.getByRole('button', { name: 'Skip' }).click();
    // That it is done was said of the group, too.
    await viewer.dialog.waitFor({ state: 'detached' });
    expect(await committed('billing')).toBe(5);
    await admin.resetOffset({ group: 'billing', topic: 'orders', to: 'latest' });

    await admin.createGroup({ group: 'reports' });
    await page.goto(`${cluster.page}/#/groups/reports`);
    await viewer.heading('reports');
    await viewer.button('Reset offsets').click();
    await viewer.dialog.getByLabel('Topic').fill('orders');
    await viewer.dialog.getByLabel('Go on at').selectOption({ label: 'Where another group is' });
    await viewer.dialog.getByRole('textbox', { name: 'Group' }).fill('billing');
    await viewer.dialog.getByRole('button', { name: 'Show what it would do' }).click();
    await viewer.sees('60 passed over.');
    await viewer.dialog.getByRole('button', { name: 'Reset', exact: true }).click();
    await viewer.sees(/reports goes on there/);
    expect(await committed('reports')).toBe(60);

    await viewer.button('Delete').click();
    await viewer.dialog.getByLabel('Write reports to go on').fill('reports');
    await viewer.dialog.getByRole('button', { name: 'Delete' }).click();
    await viewer.heading('Groups');
    await expect(admin.describeGroup('reports')).rejects.toMatchObject({ code: 'GROUP_NOT_FOUND' });
  });
});

describe('clients, users, and what was done', () => {
  it('a connection is shown, and ended', async () => {
    const { page } = viewer;
    const other = await cluster.client();
    await viewer.go('Clients');
    const own = page.getByRole('row', { name: /ringmq dashboard/ });
    await own.first().waitFor();
    await page
      .getByRole('row', { name: /ringmq-js/ })
      .first()
      .getByRole('button', { name: 'Disconnect' })
      .click();
    await viewer.dialog.getByRole('button', { name: 'Disconnect' }).click();
    await viewer.sees('Done.');
    await viewer.dialog.waitFor({ state: 'detached' });
    await other.close();
  });

  it('users and roles are made, given rights, tested, and deleted; the audit log says so', async () => {
    const { page } = viewer;
    const admin = client.admin();
    await viewer.go('Users');
    await viewer.button('Create user').click();
    await viewer.dialog.getByLabel('User').fill('clerk');
    await viewer.dialog.getByLabel('Password').fill('secret of a clerk');
    await viewer.dialog.getByRole('button', { name: 'Create' }).click();
    const row = page.getByRole('row', { name: /^clerk/ });
    await row.getByRole('button', { name: 'Rights' }).click();
    await viewer.dialog.getByRole('combobox', { name: 'Right', exact: true }).selectOption('publish');
    await viewer.dialog.getByLabel('Resource').fill('topic:ord*');
    await viewer.dialog.getByRole('button', { name: 'Set' }).click();
    await row.getByText('publish topic:ord*').waitFor();
    expect(await admin.testAccess({ user: 'clerk', right: 'publish', resource: 'topic:orders' })).toBe(true);

    await viewer.button('Create role').click();
    await viewer.dialog.getByLabel('Role').fill('readers');
    await viewer.dialog.getByRole('button', { name: 'Create' }).click();
    await row.getByRole('button', { name: 'Roles' }).click();
    await viewer.dialog.getByLabel('readers').check();
    await viewer.dialog.getByRole('button', { name: 'Set' }).click();
    await row.getByText('readers').waitFor();

    await row.getByRole('button', { name: 'Password' }).click();
    await viewer.dialog.getByLabel('Password').fill('another one');
    await viewer.dialog.getByRole('button', { name: 'Set' }).click();
    // That it is done was said of the roles, too.
    await viewer.dialog.waitFor({ state: 'detached' });
    const clerk = await cluster.client('clerk', 'another one');
    await clerk.close();

    await page.getByRole('link', { name: 'Test a right' }).click();
    await page.getByRole('textbox', { name: 'User' }).fill('clerk');
    await page.getByLabel('Resource').fill('topic:orders');
    await viewer.button('Test').click();
    await page.getByRole('status').getByText('denied').waitFor();
    await page.getByRole('combobox', { name: 'Right', exact: true }).selectOption('publish');
    await viewer.button('Test').click();
    await page.getByRole('status').getByText('allowed').waitFor();

    await page.getByRole('link', { name: 'Users', exact: true }).last().click();
    await row.getByRole('button', { name: 'Delete' }).click();
    await viewer.dialog.getByLabel('Write clerk to go on').fill('clerk');
    await viewer.dialog.getByRole('button', { name: 'Delete' }).click();
    await row.waitFor({ state: 'detached' });
    expect((await admin.listUsers()).map(({ user }) => user)).toEqual(['admin']);

    // What is done does not wait for its entry, and the page asks once.
    await until(async () => (await admin.listAudit()).some(({ method }) => method === 'deleteUser'));
    await viewer.go('Audit');
    await page
      .getByRole('row', { name: /deleteUser user:clerk/ })
      .first()
      .waitFor();
    await page.getByLabel('Filter by name').fill('deleteTopic');
    const deleted = page.getByRole('row', { name: /deleteTopic topic:made\/here/ }).first();
    await deleted.waitFor();
    await page.getByLabel('Result').selectOption('denied');
    await deleted.waitFor({ state: 'detached' });
    await page.getByLabel('Result').selectOption('done');
    await deleted.waitFor();
  });

  it('every option of each node is shown, and the level of its log is set', async () => {
    const { page } = viewer;
    await viewer.go('Configuration');
    const row = page.getByRole('row', { name: /^flush / });
    await row.first().getByText('flag').waitFor();
    await row.first().getByRole('button').press('Enter');
    await page
      .getByText(/When a message is acked: .*\.$/)
      .last()
      .waitFor();
    await page.getByLabel('Node').selectOption({ label: 'a-slave' });
    await page
      .getByRole('row', { name: /^role / })
      .getByText('slave', { exact: true })
      .waitFor();
    await viewer.button('Log level').click();
    await viewer.dialog.getByLabel('Log level').selectOption('debug');
    await viewer.dialog.getByRole('button', { name: 'Set' }).click();
    await viewer.sees('Done.');
    await viewer.dialog.waitFor({ state: 'detached' });
  });

  it('the name server is a node like the others', async () => {
    const { page } = viewer;
    await viewer.go('Configuration');
    await page.getByLabel('Node').selectOption({ label: `Name server ${cluster.url}` });
    const row = (name: string) => page.getByRole('row', { name: new RegExp(`^${name} `) });
    await row('secretFile').getByText('flag', { exact: true }).waitFor();
    await row('auth').getByText('default', { exact: true }).waitFor();
    await viewer.button('Log level').click();
    await viewer.dialog.getByLabel('Log level').selectOption('warn');
    await viewer.dialog.getByRole('button', { name: 'Set' }).click();
    await viewer.dialog.waitFor({ state: 'detached' });
    await row('logLevel').getByText('warn', { exact: true }).waitFor();
    await viewer.go('Cluster');
    await page.locator('.name-server').getByText(cluster.url.replace('ws://', '')).waitFor();
  });
});
