/** Somebody has to be able to log in: where there is no administrator yet, the first one is made, or a token told that stands for one. */

import { setTimeout as delay } from 'node:timers/promises';
import { adminSalt } from '../engine/access/broker-password.js';
import type { ClusterSecrets } from '../engine/access/cluster-secrets.js';
import { makeVerifier } from '../engine/access/scram.js';
import type { Engine } from '../engine/engine.js';
import { ROLE } from '../engine/term/shared-words.js';
import { readSmallFile } from '../native-free/files/small-file.js';
import {
  ADMIN_ROLE,
  isRingMQError,
  MAX_PASSWORD_CHARACTERS,
  RingMQError,
} from '../native-free/wire/index.js';
import { removeAdminToken, writeAdminToken } from './admin-token.js';
import type { ResolvedListenOptions } from './listen-options.js';

/**
 * When the first administrator was changed last: long ago, so that a set that joins a cluster does not undo
 * what was changed of it there. One that was deleted here, and all others with it, is made anew after that.
 */
export const FIRST_TIME = 1;
/** Between two tries, where the log takes nothing for now. */
const AGAIN_MS = 1_000;
/** So many characters, each of up to four bytes, with the end of the line. */
const MAX_PASSWORD_FILE_BYTES = MAX_PASSWORD_CHARACTERS * 4 + 8;
/** A broker that begins to listen waits so long for the log to have the first administrator. */
const LISTEN_MS = 5_000;

/**
 * The password in a file, without the line feed at its end.
 * @throws RingMQError BAD_CONFIG where it cannot be read, is empty, or has over 1,024 characters
 */
export function readPassword(path: string): string {
  let text: string;
  try {
    text = readSmallFile(path, MAX_PASSWORD_FILE_BYTES).toString('utf8');
  } catch (cause) {
    throw new RingMQError(
      'BAD_CONFIG',
      `the password file ${path} cannot be used: ${(cause as Error).message}`,
      {
        cause,
        details: { path },
      },
    );
  }
  // A byte order mark is no part of what anybody types.
  const password = text.replace(/^\uFEFF/, '').replace(/\r?\n$/, '');
  if (password === '' || password.length > MAX_PASSWORD_CHARACTERS || /[\r\n]/.test(password)) {
    throw new RingMQError(
      'BAD_CONFIG',
      `the password in ${path} must be one line of 1 to ${MAX_PASSWORD_CHARACTERS} characters`,
      { details: { path, limit: MAX_PASSWORD_CHARACTERS } },
    );
  }
  return password;
}

/** Whether it falls to this broker: a slave has its master's users. */
function isNeeded(engine: Engine): boolean {
  return engine.mastership.term.role === ROLE.master && !engine.access.hasAdministrator;
}

/**
 * `password`: of `admin`; null: a token is told. `secrets`: the cluster's. Resolves when the log has the user.
 * `isOver`: the broker is closed, or its engine another one.
 */
export async function ensureAdministrator(
  engine: Engine,
  password: string | null,
  secrets: ClusterSecrets | null,
  isOver: () => boolean,
): Promise<void> {
  if (password === null) {
    await tellToken(engine);
    return;
  }
  const salt = secrets === null ? undefined : adminSalt(secrets.first);
  const scram = isNeeded(engine) ? await makeVerifier(password, salt) : null;
  const first = {
    type: 'user',
    name: ADMIN_ROLE,
    scram,
    roles: [ADMIN_ROLE],
    grants: [],
    changedTime: Math.max(FIRST_TIME, engine.access.timeAfter(ADMIN_ROLE)),
  };
  while (scram !== null && isNeeded(engine) && !isOver()) {
    try {
      await engine.takeAccess([first]);
    } catch (error) {
      if (!isRingMQError(error) || !error.retryable) {
        throw error;
      }
      await delay(AGAIN_MS, undefined, { ref: false });
    }
  }
}

/** The token is in a file, and the log says where: logs are kept, sent on and read by many. */
async function tellToken(engine: Engine): Promise<void> {
  const { path: dir } = engine.handle.dir;
  if (!isNeeded(engine)) {
    removeAdminToken(dir);
    return;
  }
  const path = writeAdminToken(dir, await engine.access.makeToken(() => removeAdminToken(dir)));
  engine.warn(
    `there is no administrator yet; the password in ${path} lets \`admin\` log in once within an hour, to make one: ringmq --user admin --password-file ${path} user add NAME --role admin`,
    { path },
  );
}

/** The broker, as far as {@link FirstAdministrator} needs it. */
export interface AdministratorHost {
  /** Another one each time that the broker has opened its data again. */
  engine(): Engine;
  /** The cluster's. */
  readonly secrets: ClusterSecrets | null;
  isClosing(): boolean;
}

/** Remembers how clients log in, and sees to the first administrator when the broker listens and when it becomes the master. */
export class FirstAdministrator {
  readonly #host: AdministratorHost;
  /** Clients log in, and the first administrator has this password, or comes with a token; null: nobody logs in. */
  #admin: { readonly password: string | null } | null = null;

  constructor(host: AdministratorHost) {
    this.#host = host;
  }

  /** Clients log in at one listener at least. */
  get hasLogins(): boolean {
    return this.#admin !== null;
  }

  /** A listener with these options is to be opened. @throws RingMQError BAD_CONFIG (the password's file) */
  listens({ auth, adminPasswordFile }: Pick<ResolvedListenOptions, 'auth' | 'adminPasswordFile'>): void {
    if (auth) {
      this.#admin = { password: adminPasswordFile === undefined ? null : readPassword(adminPasswordFile) };
    }
  }

  /** Never rejects. */
  async ensure(): Promise<void> {
    const engine = this.#host.engine();
    if (this.#admin === null) {
      return;
    }
    try {
      const isOver = (): boolean => this.#host.isClosing() || this.#host.engine() !== engine;
      await ensureAdministrator(engine, this.#admin.password, this.#host.secrets, isOver);
      // So that a cluster's clients find it.
      await engine.auditTopic.ensure();
    } catch (error) {
      if (!this.#host.isClosing()) {
        engine.warn(`the first administrator could not be made: ${(error as Error).message}`, {});
      }
    }
  }

  /** As {@link ensure}; resolves after some seconds, whether the log has the user by then or not. */
  async ensureSoon(): Promise<void> {
    await Promise.race([this.ensure(), delay(LISTEN_MS, undefined, { ref: false })]);
  }
}
