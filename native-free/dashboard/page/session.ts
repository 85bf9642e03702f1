/** Who is looked at, as whom, and what that user may do. */
import { batch, computed, signal } from '@preact/signals';
import { type ErrorCode, isRingMQError } from '../../client/index.js';
import type { Right } from '../../client/internal.js';
import type { Backend, Where } from '../desk/index.js';
import { HostBackend } from './host-backend.js';
import { isCareful, keepLoginNeeded, wasLoginNeeded } from './prefs.js';
import { onceShown } from './shown.js';
import { type Connected, connectHere, type SocketEvents } from './socket-backend.js';

export type Phase = 'connecting' | 'login' | 'open' | 'failed';

/** What the user may do is asked again after so long. */
const RIGHTS_MS = 60_000;
/** Answers to that which are kept. */
const MAX_RIGHTS = 512;

/** It is a host's own server that answers, in the place of a broker or a name server. */
export const isHosted = told('backend') === 'host';

/** The user has logged in by a password, and so can give itself another one. */
export const hasPassword = signal(false);

export const phase = signal<Phase>('connecting');
export const where = signal<Where | null>(null);
export const failure = signal<{ code: string; message: string } | null>(null);
/** null: connected; else why not. */
export const lost = signal<string | null>(null);
/** Broker sets that do not answer, while others do. */
export const away = signal<readonly string[]>([]);
/** Nothing is to be changed from here. */
export const isReadOnly = computed(() => isCareful.value || where.value?.readOnly === true);

/** Changes when what the user may do is to be asked anew. */
export const rightsTurn = signal(0);

type Opened = Connected | { backend: Backend; close(): Promise<void> };
type Told = SocketEvents;

let connected: { backend: Backend; close(): Promise<void> } | null = null;
/** Of the connection that counts: what an earlier one still says is about nobody. */
let attempt = 0;
const asked = new Map<string, Promise<boolean>>();

askRightsLater();

function askRightsLater(): void {
  onceShown(RIGHTS_MS, () => {
    if (phase.value === 'open') {
      rightsChanged();
    }
    askRightsLater();
  });
}

/** What was known of them is forgotten, and asked anew by who shows something because of it. */
export function rightsChanged(): void {
  asked.clear();
  rightsTurn.value++;
}

/** What pages ask. Only while the phase is `open`. */
export function backend(): Backend {
  if (connected === null) {
    throw new Error('not connected');
  }
  return connected.backend;
}

/** Who served the page may let everybody in. */
export async function begin(): Promise<void> {
  if (isHosted) {
    await open(async ({ onConnection }) => {
      const host = new HostBackend(onConnection);
      return { backend: host, close: () => host.close() };
    });
  } else if (told('login') === 'needed' || (told('login') === 'unknown' && wasLoginNeeded())) {
    // To be refused only to find that out would be a failed login, which is written down.
    phase.value = 'login';
  } else {
    await withoutLogin();
  }
}

export async function withoutLogin(): Promise<void> {
  await open((told) => connectHere(undefined, null, told));
}

/** What the server of the page has said in it. */
function told(name: string): string | undefined {
  return document.querySelector<HTMLMetaElement>(`meta[name="ringmq-${name}"]`)?.content;
}

export async function logIn(user: string, password: string): Promise<void> {
  await open((told) => connectHere({ scheme: 'scram', user, password }, user, told));
  hasPassword.value = phase.value === 'open';
}

/** Whose it is the broker says. */
/** The same user has another password: the page goes on with it, and what was open is closed. */
export async function logInAgain(user: string, password: string): Promise<void> {
  const before = connected;
  await logIn(user, password);
  if (connected !== before) {
    await before?.close();
  }
}

export async function logInByToken(token: string): Promise<void> {
  hasPassword.value = false;
  await open((told) => connectHere({ scheme: 'jwt', token }, null, told));
}

/** `why`: it was not the user who wanted it. */
export async function logOut(why: { code: string; message: string } | null = null): Promise<void> {
  const before = connected;
  connected = null;
  attempt++;
  asked.clear();
  batch(() => {
    where.value = null;
    failure.value = why;
    lost.value = null;
    phase.value = 'login';
  });
  await before?.close();
}

async function open(how: (told: Told) => Promise<Opened>): Promise<void> {
  const mine = ++attempt;
  failure.value = null;
  away.value = [];
  let opened: Opened | null = null;
  try {
    opened = await how({
      onConnection: (isThere, why) => {
        if (mine === attempt) {
          onConnection(isThere, why);
        }
      },
      onAway: (sets) => {
        if (mine === attempt) {
          away.value = sets;
        }
      },
    });
    const known = await opened.backend.where();
    if (mine !== attempt) {
      await opened.close();
      return;
    }
    asked.clear();
    connected = opened;
    batch(() => {
      where.value = known;
      lost.value = null;
      phase.value = 'open';
    });
  } catch (error) {
    void opened?.close();
    if (mine !== attempt) {
      return;
    }
    const told = asFailure(error);
    if (told.code === 'NOT_AUTHENTICATED') {
      keepLoginNeeded();
    }
    batch(() => {
      // The first try has no credentials: that they are asked for is no failure.
      failure.value = phase.value === 'connecting' && told.code === 'NOT_AUTHENTICATED' ? null : told;
      phase.value = told.code === 'NOT_AUTHENTICATED' || phase.value === 'login' ? 'login' : 'failed';
    });
  }
}

function onConnection(isThere: boolean, why: unknown): void {
  lost.value = isThere ? null : asFailure(why).message;
  if (isRingMQError(why) && why.code === 'NOT_AUTHENTICATED') {
    void logOut(asFailure(why));
  }
}

/** Whether the user may, as far as the brokers say. */
export function may(right: Right, resource: string): Promise<boolean> {
  const user = where.value?.user ?? null;
  if (user === null) {
    return Promise.resolve(true);
  }
  const key = `${right} ${resource}`;
  const before = asked.get(key);
  if (before !== undefined) {
    return before;
  }
  const answer = backend()
    .admin('testAccess', { user, right, resource })
    // Where it cannot be asked the broker refuses what is not allowed.
    .catch((error: unknown) => {
      asked.delete(key);
      return !isCode(error, 'NOT_ALLOWED');
    });
  if (asked.size >= MAX_RIGHTS) {
    asked.clear();
  }
  asked.set(key, answer);
  return answer;
}

export function asFailure(error: unknown): { code: string; message: string } {
  return isRingMQError(error)
    ? { code: error.code, message: error.message }
    : { code: 'INTERNAL', message: error instanceof Error ? error.message : String(error) };
}

export function isCode(error: unknown, ...codes: readonly ErrorCode[]): boolean {
  return isRingMQError(error) && codes.includes(error.code);
}
