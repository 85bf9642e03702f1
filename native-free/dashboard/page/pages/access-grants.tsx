/** What a user or a role may do: given, taken back, and asked about. */
import { useSignal } from '@preact/signals';
import type { GrantInfo, Right, UserInfo } from '../../../client/index.js';
import { Button, Choice, Field, Input } from '../controls.js';
import { Dialog } from '../dialog.js';
import { asFailure, backend } from '../session.js';
import { t } from '../text.js';
import { type Failure, FailureNote, Note, Panel } from '../ui.js';

const RIGHT_NAMES: readonly Right[] = ['publish', 'subscribe', 'manage'];

export function Grants({
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

export function TestRight({ users }: { users: readonly UserInfo[] }) {
  const user = useSignal(users[0]?.user ?? '');
  const right = useSignal<Right>('subscribe');
  const resource = useSignal('topic:');
  const answer = useSignal<{ question: string; allowed: boolean } | { problem: Failure } | null>(null);
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
                answer.value = { problem: asFailure(error) };
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
            <FailureNote failure={answer.value.problem} />
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
