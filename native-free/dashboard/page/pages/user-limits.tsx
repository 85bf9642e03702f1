/** What a user may send, and be sent, a second: a value of its own, none, or as the broker says. */
import { type Signal, useSignal } from '@preact/signals';
import type { UserInfo } from '../../../client/index.js';
import { limitFault, USER_LIMITS, type UserLimits } from '../../../wire/index.js';
import { Choice, Field, Input } from '../controls.js';
import { Dialog } from '../dialog.js';
import { bytes, count, readBytes } from '../format.js';
import { backend } from '../session.js';
import { t } from '../text.js';

type Limit = keyof UserLimits;
type Kind = 'default' | 'none' | 'value';

const NAMES = { bytesPerSecond: 'byteRates', messagesPerSecond: 'messageRates' } as const;
const HINTS = { bytesPerSecond: 'limitBytesHint', messagesPerSecond: 'limitMessagesHint' } as const;

/** Of both, for a cell; nothing of what the broker says. */
export function limitsText(limits: UserLimits): string {
  const said = USER_LIMITS.filter((limit) => limits[limit] !== null).map((limit) => {
    const value = limits[limit] ?? 0;
    const amount = value === 0 ? '∞' : limit === 'bytesPerSecond' ? bytes(value) : count(value);
    return t(limit === 'bytesPerSecond' ? 'limitBytes' : 'limitMessages', { amount });
  });
  return said.length === 0 ? '–' : said.join(', ');
}

export function LimitsDialog({ user, onClose }: { user: UserInfo; onClose: () => void }) {
  const forms = {
    bytesPerSecond: useForm(user, 'bytesPerSecond'),
    messagesPerSecond: useForm(user, 'messagesPerSecond'),
  };
  const changed: Partial<UserLimits> = {};
  let isSound = true;
  for (const limit of USER_LIMITS) {
    const value = forms[limit].wanted();
    isSound &&= limitFault(limit, value) === null;
    if (value !== user.limits[limit]) {
      changed[limit] = value;
    }
  }
  return (
    <Dialog
      title={t('limitsOf', { user: user.user })}
      action={t('set')}
      isReady={isSound && Object.keys(changed).length > 0}
      done={t('done')}
      onClose={onClose}
      onDo={() => backend().admin('setLimits', user.user, changed)}
    >
      <p>{t('limitsWhat', { user: user.user })}</p>
      {USER_LIMITS.map((limit) => (
        <LimitFields key={limit} limit={limit} form={forms[limit]} />
      ))}
    </Dialog>
  );
}

interface LimitForm {
  readonly kind: Signal<Kind>;
  readonly text: Signal<string>;
  /** NaN where what is written is no amount. */
  wanted(): number | null;
}

function useForm({ limits }: UserInfo, limit: Limit): LimitForm {
  const now = limits[limit];
  const kind = useSignal<Kind>(now === null ? 'default' : now === 0 ? 'none' : 'value');
  const text = useSignal(now === null || now === 0 ? '' : String(now));
  return {
    kind,
    text,
    wanted: () => {
      switch (kind.value) {
        case 'default':
          return null;
        case 'none':
          return 0;
        case 'value': {
          const value = limit === 'bytesPerSecond' ? readBytes(text.value) : wholeNumber(text.value);
          // An own limit of nothing would be none.
          return value === 0 ? Number.NaN : value;
        }
      }
    },
  };
}

function LimitFields({ limit, form: { kind, text, wanted } }: { limit: Limit; form: LimitForm }) {
  const value = wanted() ?? 0;
  return (
    <>
      <Field name={t(NAMES[limit])}>
        <Choice<Kind>
          of={kind}
          options={[
            ['default', t('limitDefault')],
            ['none', t('limitNone')],
            ['value', t('limitValue')],
          ]}
        />
      </Field>
      {kind.value === 'value' && (
        <Field
          name={`${t(NAMES[limit])}: ${t('limitValue')}`}
          hint={
            limitFault(limit, wanted()) === null && limit === 'bytesPerSecond'
              ? `${count(value)} B · ${bytes(value)}`
              : t(HINTS[limit])
          }
        >
          <Input of={text} />
        </Field>
      )}
    </>
  );
}

function wholeNumber(text: string): number {
  return /^\d+$/.test(text.trim()) ? Number(text.trim()) : Number.NaN;
}
