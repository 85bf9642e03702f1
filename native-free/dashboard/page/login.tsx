/** Who has to log in does it here. What is written stays in the page, and goes with it. */
import { useSignal } from '@preact/signals';
import { Button, Field, Input } from './controls.js';
import { failure, logIn, logInByToken } from './session.js';
import { t } from './text.js';
import { FailureNote } from './ui.js';

export function LoginPage() {
  const user = useSignal('');
  const password = useSignal('');
  const token = useSignal('');
  const isByToken = useSignal(false);
  const isTrying = useSignal(false);
  const isReady = isByToken.value
    ? token.value.trim() !== ''
    : user.value.trim() !== '' && password.value !== '';
  return (
    <main class="alone">
      <form
        class="login"
        onSubmit={(event) => {
          event.preventDefault();
          isTrying.value = true;
          const login = isByToken.value
            ? logInByToken(token.value.trim())
            : logIn(user.value.trim(), password.value);
          void login.finally(() => {
            isTrying.value = false;
            password.value = '';
            token.value = '';
          });
        }}
      >
        <h1>RingMQ</h1>
        <p class="quiet">{t('loginAt', { host: location.host })}</p>
        {isByToken.value ? (
          <Field name={t('token')} hint={t('tokenHint')}>
            <Input of={token} name="token" type="password" autofocus required />
          </Field>
        ) : (
          <>
            <Field name={t('user')}>
              <Input of={user} name="user" autocomplete="username" autofocus required />
            </Field>
            <Field name={t('password')}>
              <Input of={password} name="password" type="password" autocomplete="current-password" required />
            </Field>
          </>
        )}
        {failure.value && <FailureNote failure={failure.value} />}
        <Button type="submit" tone="primary" disabled={!isReady || isTrying.value}>
          {isTrying.value ? t('doing') : t('logIn')}
        </Button>
        <Button
          tone="quiet"
          onClick={() => {
            isByToken.value = !isByToken.value;
          }}
        >
          {t(isByToken.value ? 'byPassword' : 'byToken')}
        </Button>
        {!isByToken.value && <p class="hint">{t('loginHint')}</p>}
      </form>
    </main>
  );
}
