/** Who has to log in does it here. What is written stays in the page, and goes with it. */
import { useSignal } from '@preact/signals';
import { failure, logIn } from './session.js';
import { t } from './text.js';
import { Button, FailureNote, Field, Input } from './ui.js';

export function LoginPage() {
  const user = useSignal('');
  const password = useSignal('');
  const isTrying = useSignal(false);
  return (
    <main class="alone">
      <form
        class="login"
        onSubmit={(event) => {
          event.preventDefault();
          isTrying.value = true;
          void logIn(user.value.trim(), password.value).finally(() => {
            isTrying.value = false;
            password.value = '';
          });
        }}
      >
        <h1>RingMQ</h1>
        <p class="quiet">{t('loginAt', { host: location.host })}</p>
        <Field name={t('user')}>
          <Input of={user} name="user" autocomplete="username" autofocus required />
        </Field>
        <Field name={t('password')}>
          <Input of={password} name="password" type="password" autocomplete="current-password" required />
        </Field>
        {failure.value && <FailureNote failure={failure.value} />}
        <Button
          type="submit"
          tone="primary"
          disabled={isTrying.value || user.value.trim() === '' || password.value === ''}
        >
          {isTrying.value ? t('doing') : t('logIn')}
        </Button>
        <p class="hint">{t('loginHint')}</p>
      </form>
    </main>
  );
}
