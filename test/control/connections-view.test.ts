/** What an administrator is told who closes a connection, whatever threads are busy. */
import { expect, it } from 'vitest';
import { ConnectionsView } from '../../engine/control/connections-view.js';

const OWN = '01234567-3-5';

function viewOf(answers: boolean[], silent: number): ConnectionsView {
  return new ConnectionsView({
    askThreads: async () => ({ answers, silent }),
    isOwn: (id) => id === OWN,
    requireTopic: () => {},
  });
}

it('a connection is closed by the thread that has it, whoever is silent', async () => {
  await viewOf([false, true], 1).close(OWN);
});

it('one that no thread has is not found', async () => {
  await expect(viewOf([false, false], 0).close(OWN)).rejects.toMatchObject({ code: 'CONNECTION_NOT_FOUND' });
});

it('one that a silent thread may have is not said to be missing', async () => {
  await expect(viewOf([false], 1).close(OWN)).rejects.toMatchObject({ code: 'TIMEOUT', retryable: true });
});

it('one of another broker is not found, whoever is silent', async () => {
  await expect(viewOf([false], 1).close('89abcdef-3-5')).rejects.toMatchObject({
    code: 'CONNECTION_NOT_FOUND',
  });
});
