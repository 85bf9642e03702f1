/**
 * Whom this broker trusts at etcd, and as whom it comes there: authorities, a client certificate, a user with a password. All of it lies in files, so that no
 * secret stands in a command line, and is looked at again now and then: what has changed counts from the next call on.
 */
import { createSecureContext, type SecureContext } from 'node:tls';
import { MAX_PEM_BYTES, readSmallFile } from '../../../native-free/files/small-file.js';
import { monotonicMs } from '../../../native-free/time/index.js';
import { RingMQError } from '../../../native-free/wire/index.js';

export interface EtcdAccessFiles {
  /** Authorities in PEM. Default: those that Node trusts. */
  readonly caFile?: string | undefined;
  /** A client certificate in PEM, and its key. */
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
  /** One line, `NAME:PASSWORD`. */
  readonly userFile?: string | undefined;
}

export interface EtcdUser {
  readonly name: string;
  readonly password: string;
}

const NAMES = ['caFile', 'certFile', 'keyFile', 'userFile'] as const;
/** Other certificates are looked at as often. */
const LOOK_MS = 10_000;

type Texts = Readonly<Record<(typeof NAMES)[number], string | null>>;

export interface EtcdAccessOptions {
  /** How often it is looked whether the files have changed, in ms. Default 10,000. */
  readonly lookMs?: number | undefined;
  /** They have, and twice in a row could not be used: the old ones are used on. Once until that is over. */
  readonly onTrouble?: ((why: string) => void) | undefined;
}

export class EtcdAccess {
  readonly #files: EtcdAccessFiles;
  readonly #isTls: boolean;
  readonly #lookMs: number;
  readonly #onTrouble: (why: string) => void;
  #texts: Texts;
  #context: SecureContext | null;
  #user: EtcdUser | null;
  #lookedAtMs = monotonicMs();
  /** Why other files could not be used when they were looked at last. */
  #trouble: string | null = null;
  #isTold = false;

  /** Reads the files. @throws RingMQError BAD_CONFIG for one that cannot be used */
  constructor(
    files: EtcdAccessFiles,
    isTls: boolean,
    { lookMs = LOOK_MS, onTrouble = () => {} }: EtcdAccessOptions = {},
  ) {
    this.#files = files;
    this.#isTls = isTls;
    this.#lookMs = lookMs;
    this.#onTrouble = onTrouble;
    this.#texts = readAll(files);
    this.#context = isTls ? contextOf(this.#texts) : null;
    this.#user = userOf(this.#texts.userFile);
  }

  /** For a connection that is made now; null: without TLS. */
  get context(): SecureContext | null {
    return this.#context;
  }

  /** null: it names no user. */
  get user(): EtcdUser | null {
    return this.#user;
  }

  /**
   * Looks whether the files have changed, if that was some time ago. True: they have, and what was made of the old ones is out of date. Files that are
   * being replaced, and do not fit each other yet, are looked at again later.
   */
  hasChanged(): boolean {
    const nowMs = monotonicMs();
    if (nowMs - this.#lookedAtMs < this.#lookMs) {
      return false;
    }
    this.#lookedAtMs = nowMs;
    try {
      const texts = readAll(this.#files);
      const isSame = NAMES.every((name) => texts[name] === this.#texts[name]);
      const context = isSame ? this.#context : this.#isTls ? contextOf(texts) : null;
      const user = isSame ? this.#user : userOf(texts.userFile);
      this.#trouble = null;
      this.#isTold = false;
      if (isSame) {
        return false;
      }
      this.#texts = texts;
      this.#context = context;
      this.#user = user;
      return true;
    } catch (error) {
      this.#tell((error as Error).message);
      return false;
    }
  }

  /** Not of files that are just being replaced. */
  #tell(why: string): void {
    if (why === this.#trouble && !this.#isTold) {
      this.#isTold = true;
      this.#onTrouble(why);
    }
    this.#trouble = why;
  }
}

function readAll(files: EtcdAccessFiles): Texts {
  const texts = { caFile: null, certFile: null, keyFile: null, userFile: null } as Record<
    (typeof NAMES)[number],
    string | null
  >;
  for (const name of NAMES) {
    const file = files[name];
    texts[name] = file === undefined ? null : readText(name, file);
  }
  return texts;
}

function readText(name: string, file: string): string {
  try {
    return readSmallFile(file, MAX_PEM_BYTES).toString('utf8');
  } catch (cause) {
    throw new RingMQError(
      'BAD_CONFIG',
      `cannot read the file ${file} of \`controllerLink.${name}\`: ${(cause as Error).message}`,
      { cause, details: { file } },
    );
  }
}

function contextOf({ caFile, certFile, keyFile }: Texts): SecureContext {
  try {
    // Node takes a file that is empty, as one is while it is written anew, for none: it would trust whom it trusts by itself, or show nothing.
    requireBlocks('caFile', caFile, /CERTIFICATE$/);
    requireBlocks('certFile', certFile, /CERTIFICATE$/);
    requireBlocks('keyFile', keyFile, /PRIVATE KEY$/);
    return createSecureContext({
      minVersion: 'TLSv1.2',
      ...(caFile === null ? {} : { ca: caFile }),
      ...(certFile === null ? {} : { cert: certFile }),
      ...(keyFile === null ? {} : { key: keyFile }),
    });
  } catch (cause) {
    throw new RingMQError(
      'BAD_CONFIG',
      `the TLS files of \`controllerLink\` cannot be used: ${(cause as Error).message}`,
      { cause },
    );
  }
}

/** Throws where a file has no block of PEM of that kind, or one that does not end. */
function requireBlocks(name: string, text: string | null, kind: RegExp): void {
  const named = (edge: string): string[] =>
    [...(text ?? '').matchAll(new RegExp(`^-----${edge} ([A-Z0-9 ]+)-----`, 'gm'))]
      .map((match) => match[1] as string)
      .filter((each) => kind.test(each));
  if (text !== null && (named('BEGIN').length === 0 || named('BEGIN').length !== named('END').length)) {
    throw new Error(`\`${name}\` has no whole block of PEM of its kind`);
  }
}

/** What is wrong with it is told without what is in it. */
function userOf(text: string | null): EtcdUser | null {
  if (text === null) {
    return null;
  }
  const line = text.replace(/\r?\n$/, '');
  const at = line.indexOf(':');
  if (at < 1 || at === line.length - 1 || /[\r\n]/.test(line)) {
    throw new RingMQError(
      'BAD_CONFIG',
      'the file of `controllerLink.userFile` must have one line, the name of a user of etcd, a colon and its password',
    );
  }
  return { name: line.slice(0, at), password: line.slice(at + 1) };
}
