/** What is asked before something is done, and what is said of it afterwards. */
import { signal, useSignal } from '@preact/signals';
import { useEffect, useId, useRef } from 'preact/hooks';
import { setTimeout } from '../../time/index.js';
import { Button, Field, Input } from './controls.js';
import { asFailure, rightsChanged } from './session.js';
import { t } from './text.js';
import { type Children, type Failure, FailureNote } from './ui.js';

/** What is to be done, with a form before it. It stays open with the sentence of what went wrong. */
export function Dialog({
  title,
  action,
  tone = 'primary',
  isReady = true,
  onDo,
  onClose,
  done,
  children,
}: Children & {
  title: string;
  action: string;
  tone?: 'primary' | 'danger';
  isReady?: boolean;
  onDo: () => Promise<unknown>;
  onClose: () => void;
  /** Said when it is done; null: the dialog stays, with what `onDo` shows in it. */
  done: string | null;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const isDoing = useSignal(false);
  const failure = useSignal<Failure | null>(null);
  const id = useId();
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  // The page is told at once: when the event `close` comes, another dialog may be open already.
  const close = (): void => {
    dialog.current?.close();
    onClose();
  };
  const submit = async (): Promise<void> => {
    isDoing.value = true;
    failure.value = null;
    try {
      await onDo();
      if (done !== null) {
        say(done);
        close();
      }
    } catch (error) {
      failure.value = asFailure(error);
      // What one may no longer do anything with is not told to be there.
      if (['NOT_ALLOWED', 'TOPIC_NOT_FOUND', 'GROUP_NOT_FOUND'].includes(failure.value.code)) {
        rightsChanged();
      }
    } finally {
      isDoing.value = false;
    }
  };
  return (
    <dialog
      ref={dialog}
      onCancel={(event) => {
        event.preventDefault();
        close();
      }}
      // Only of one that the browser closed by itself: the others are not in the page any more.
      onClose={({ currentTarget }) => currentTarget.isConnected && onClose()}
      aria-labelledby={id}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady && !isDoing.value) {
            void submit();
          }
        }}
      >
        <h2 id={id}>{title}</h2>
        <div class="dialog-body">{children}</div>
        {failure.value !== null && <FailureNote failure={failure.value} />}
        <div class="buttons">
          <Button onClick={close}>{t('cancel')}</Button>
          <Button type="submit" tone={tone} disabled={!isReady || isDoing.value}>
            {isDoing.value ? t('doing') : action}
          </Button>
        </div>
      </form>
    </dialog>
  );
}

/** Who destroys something writes its name first. */
export function DestroyDialog({
  title,
  name,
  what,
  action,
  onDo,
  onClose,
}: {
  title: string;
  name: string;
  what: string;
  action: string;
  onDo: () => Promise<unknown>;
  onClose: () => void;
}) {
  const written = useSignal('');
  return (
    <Dialog
      title={title}
      action={action}
      tone="danger"
      isReady={written.value === name}
      onDo={onDo}
      onClose={onClose}
      done={t('done')}
    >
      <p>{what}</p>
      <Field name={t('writeName', { name })}>
        <Input of={written} autofocus />
      </Field>
    </Dialog>
  );
}

const SAID_MS = 5_000;
const said = signal<readonly { id: number; text: string }[]>([]);
let sayings = 0;

/** Told in a corner for a moment, and to screen readers. */
export function say(text: string): void {
  const id = ++sayings;
  said.value = [...said.value.slice(-3), { id, text }];
  setTimeout(() => {
    said.value = said.value.filter((each) => each.id !== id);
  }, SAID_MS);
}

export function Sayings() {
  return (
    <div class="sayings" role="status" aria-live="polite">
      {said.value.map(({ id, text }) => (
        <div key={id} class="saying">
          {text}
        </div>
      ))}
    </div>
  );
}
