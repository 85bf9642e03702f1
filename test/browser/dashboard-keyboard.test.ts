/** The dialogs of a user, by keyboard alone: each does what is typed, and the focus is then where it was. */
import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { UserInfo } from '../../native-free/wire/index.js';
import type { Viewer } from './dashboard-rig.js';
import { OrdersDashboard } from './orders-dashboard.js';

let orders: OrdersDashboard;

beforeAll(async () => {
  orders = await OrdersDashboard.start();
  const admin = orders.client.admin();
  await admin.createUser({ user: 'bert', password: 'a password' });
  await admin.grant({ to: 'bert', right: 'subscribe', resource: 'topic:orders' });
  await admin.createRole({ role: 'writers' });
});

afterAll(async () => {
  await orders?.close();
});

async function bert(): Promise<UserInfo | undefined> {
  return (await orders.client.admin().listUsers()).find(({ user }) => user === 'bert');
}

/** Someone who looks at the row of bert, and takes no mouse. */
async function atBert(): Promise<{
  viewer: Viewer;
  row: Locator;
  open(name: string): Promise<void>;
  /** The dialog is gone, and its button has the focus. */
  done(name: string): Promise<void>;
}> {
  const viewer = await orders.look(`${orders.url}/#/users`);
  const { page, dialog } = viewer;
  const row = page.getByRole('row', { name: /^bert/ });
  return {
    viewer,
    row,
    open: async (name) => {
      await row.getByRole('button', { name }).focus();
      await page.keyboard.press('Enter');
      await dialog.getByRole('heading').waitFor();
    },
    done: async (name) => {
      await dialog.waitFor({ state: 'detached' });
      expect(await page.evaluate(() => document.activeElement?.textContent)).toBe(name);
    },
  };
}

/** In the list that has the focus, what begins so. By arrows: letters are one word only while they come quickly. */
async function choose(page: Page, text: string): Promise<void> {
  const chosen = (): Promise<string> =>
    page.evaluate(() => (document.activeElement as HTMLSelectElement).selectedOptions[0]?.text ?? '');
  await page.keyboard.press('Home');
  while (!(await chosen()).startsWith(text)) {
    await page.keyboard.press('ArrowDown');
  }
}

describe('by keyboard alone', () => {
  it('a right is taken back, and another one given', async () => {
    const { viewer, open, done } = await atBert();
    const { keyboard } = viewer.page;
    await open('Rights');
    await keyboard.press('Space');
    await keyboard.press('Tab');
    await choose(viewer.page, 'publish');
    await keyboard.press('Tab');
    await keyboard.press('ControlOrMeta+a');
    await keyboard.type('topic:new*');
    await keyboard.press('Enter');
    await done('Rights');
    expect((await bert())?.grants).toEqual([{ right: 'publish', resource: 'topic:new*' }]);
    await viewer.close();
  });

  it('a role is given', async () => {
    const { viewer, open, done } = await atBert();
    const { keyboard } = viewer.page;
    await open('Roles');
    await viewer.dialog.getByLabel('writers').focus();
    await keyboard.press('Space');
    await keyboard.press('Enter');
    await done('Roles');
    expect((await bert())?.roles).toEqual(['writers']);
    await viewer.close();
  });

  it('limits are set, and left to the broker again', async () => {
    const { viewer, row, open, done } = await atBert();
    const { dialog } = viewer;
    const { keyboard } = viewer.page;
    await open('Limits');
    await dialog.getByLabel('Bytes a second').focus();
    await choose(viewer.page, 'at most');
    await dialog.getByLabel('Bytes a second: at most').focus();
    await keyboard.type('100');
    // Less than there can be: it is not done.
    expect(await dialog.getByRole('button', { name: 'Set' }).isDisabled()).toBe(true);
    await keyboard.type(' KiB');
    await dialog.getByText('102,400 B').waitFor();
    await dialog.getByLabel('Messages a second').focus();
    await choose(viewer.page, 'no limit');
    await dialog.getByRole('button', { name: 'Set' }).focus();
    await keyboard.press('Enter');
    await done('Limits');
    expect((await bert())?.limits).toEqual({ bytesPerSecond: 102_400, messagesPerSecond: 0 });
    await row.getByText('100 KiB/s, ∞ messages/s').waitFor();
    await open('Limits');
    await dialog.getByRole('combobox', { name: 'Bytes a second', exact: true }).focus();
    await choose(viewer.page, 'as the broker');
    await dialog.getByRole('button', { name: 'Set' }).focus();
    await keyboard.press('Enter');
    await done('Limits');
    expect((await bert())?.limits).toEqual({ bytesPerSecond: null, messagesPerSecond: 0 });
    await viewer.close();
  });

  it('a password is changed', async () => {
    const { viewer, open, done } = await atBert();
    const { keyboard } = viewer.page;
    const before = (await bert())?.changedTime ?? 0;
    await open('Password');
    await keyboard.type('another one');
    await keyboard.press('Enter');
    await done('Password');
    expect((await bert())?.changedTime).toBeGreaterThan(before);
    await viewer.close();
  });

  it('nobody is deleted by a name that is not theirs', async () => {
    const { viewer, open, done } = await atBert();
    const { keyboard } = viewer.page;
    await open('Delete');
    await keyboard.type('somebody');
    await keyboard.press('Enter');
    await keyboard.press('Escape');
    await done('Delete');
    expect(await bert()).toBeDefined();
    await viewer.close();
  });

  it('a dialog stays open that came before the browser told that the one before it is closed', async () => {
    const { viewer, row, open, done } = await atBert();
    await open('Limits');
    await row.evaluate((element) => {
      const press = (name: string): void =>
        [...document.querySelectorAll('button')].find(({ textContent }) => textContent === name)?.click();
      press('Cancel');
      element.querySelector<HTMLButtonElement>('button:last-child')?.click();
    });
    await viewer.dialog.getByRole('heading', { name: 'Delete user' }).waitFor();
    await viewer.page.keyboard.press('Escape');
    await done('Limits');
    await viewer.close();
  });
});
