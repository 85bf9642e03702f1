/** Questions of a page that are asked again and again while it is open. */
import { type Signal, useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import type { Right } from '../../client/internal.js';
import { asFailure, isReadOnly, may, rightsTurn } from './session.js';
import { onceShown } from './shown.js';

export interface Asked<T> {
  /** The last answer; undefined: none yet. It stays when a later question fails. */
  readonly value: T | undefined;
  /** Of the last question. */
  readonly error: { code: string; message: string } | null;
  readonly isAsking: boolean;
  again(): void;
}

interface State<T> {
  value: T | undefined;
  error: Asked<T>['error'];
  isAsking: boolean;
}

/** How often a page looks again. */
export const LIVE_MS = 2_000;
/** And where the user may not see what is asked for: a right may be granted while the page is open. */
const REFUSED_MS = 10_000;

/**
 * `ask` is given the answer before, and is called anew when `key` changes. `everyMs` 0: only then, and by
 * `again`. While the page is hidden nothing is asked, and what has become due is asked as soon as it is shown again.
 */
export function useAsked<T>(
  key: string,
  ask: (before: T | undefined) => Promise<T>,
  everyMs: number = LIVE_MS,
): Asked<T> {
  const state: Signal<State<T>> = useSignal<State<T>>({ value: undefined, error: null, isAsking: true });
  const again = useMemo(() => ({ now: () => {} }), []);
  useEffect(() => {
    let isOver = false;
    let cancel = (): void => {};
    let turn = 0;
    state.value = { value: undefined, error: null, isAsking: true };
    const once = async (): Promise<void> => {
      const mine = ++turn;
      cancel();
      state.value = { ...state.value, isAsking: true };
      let answer: Pick<State<T>, 'value' | 'error'>;
      try {
        answer = { value: await ask(state.value.value), error: null };
      } catch (error) {
        answer = { value: state.value.value, error: asFailure(error) };
      }
      if (isOver || mine !== turn) {
        return;
      }
      state.value = { ...answer, isAsking: false };
      if (everyMs > 0) {
        const isRefused = answer.error?.code === 'NOT_ALLOWED';
        cancel = onceShown(isRefused ? Math.max(everyMs, REFUSED_MS) : everyMs, () => void once());
      }
    };
    again.now = () => void once();
    void once();
    return () => {
      isOver = true;
      cancel();
    };
  }, [key, everyMs]);
  return { ...state.value, again: () => again.now() };
}

/** False until the brokers have said yes. Asked again when rights may have changed. */
export function useMay(right: Right, resource: string): boolean {
  const question = `${right} ${resource}`;
  const answer = useSignal({ question: '', isAllowed: false });
  useEffect(() => {
    let isOver = false;
    void may(right, resource).then((isAllowed) => {
      if (!isOver) {
        answer.value = { question, isAllowed };
      }
    });
    return () => {
      isOver = true;
    };
  }, [question, rightsTurn.value]);
  return answer.value.question === question && answer.value.isAllowed;
}

/** The same of what changes something: nothing is, while the dashboard is read-only. */
export function useMayChange(right: Right, resource: string): boolean {
  const isAllowed = useMay(right, resource);
  return isAllowed && !isReadOnly.value;
}
