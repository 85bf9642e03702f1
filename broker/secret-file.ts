/**
 * The secret that the nodes of a cluster share, read from a file so that it stands in no command line. The file may be changed while
 * they run: it is looked at now and then, and of its two lines the first is proved and both are taken.
 */
import { isUtf8 } from 'node:buffer';
import { statSync } from 'node:fs';
import { ClusterSecrets } from '../engine/access/cluster-secrets.js';
import { readSmallFile } from '../native-free/files/small-file.js';
import { clearInterval, setInterval, unref } from '../native-free/time/index.js';
import { RingMQError } from '../native-free/wire/index.js';

const MIN_SECRET_BYTES = 16;
const MAX_SECRET_BYTES = 4_096;
const MAX_SECRETS = 2;
/** With room for the ends of lines. */
const MAX_FILE_BYTES = MAX_SECRETS * (MAX_SECRET_BYTES + 64);
const LINE_FEED = 0x0a;
const TAB = 0x09;
const CARRIAGE_RETURN = 0x0d;
const FIRST_PRINTED = 0x20;
const DELETE = 0x7f;
/** As often as certificates are looked at. */
const LOOK_MS = 10_000;

/**
 * The content of a file without white space at its end: of a text each of its lines, one or two; of other bytes all as one.
 * @throws RingMQError BAD_CONFIG where it cannot be read, has more lines, or a secret of less than 16 bytes or more than 4,096
 */
export function readSecrets(path: string): [Uint8Array, ...Uint8Array[]] {
  const [first = new Uint8Array(0), ...rest] = secretsIn(read(path));
  if (rest.length >= MAX_SECRETS) {
    throw new RingMQError(
      'BAD_CONFIG',
      `the secret file ${path} has ${rest.length + 1} lines; it has one secret, or while it is changed two, a line each`,
      { details: { path, value: rest.length + 1, limit: MAX_SECRETS } },
    );
  }
  for (const { length } of [first, ...rest]) {
    if (length < MIN_SECRET_BYTES || length > MAX_SECRET_BYTES) {
      throw new RingMQError(
        'BAD_CONFIG',
        `the secret in ${path} has ${length} bytes; it must have ${MIN_SECRET_BYTES} to ${MAX_SECRET_BYTES}`,
        { details: { path, value: length, limit: MAX_SECRET_BYTES } },
      );
    }
  }
  return [first, ...rest];
}

function read(path: string): Buffer {
  try {
    return readSmallFile(path, MAX_FILE_BYTES);
  } catch (cause) {
    throw new RingMQError(
      'BAD_CONFIG',
      `the secret file ${path} cannot be used: ${(cause as Error).message}`,
      { cause, details: { path } },
    );
  }
}

/** Bytes that were drawn by lot have line feeds in them now and then: these are no lines. */
function secretsIn(bytes: Buffer): Buffer[] {
  const isText = isUtf8(bytes) && bytes.every(isOfText);
  const texts = isText ? bytes.toString('latin1').split('\n') : [bytes.toString('latin1')];
  return texts.map((text) => Buffer.from(text.trimEnd(), 'latin1')).filter(({ length }) => length > 0);
}

function isOfText(byte: number): boolean {
  return (
    (byte >= FIRST_PRINTED && byte !== DELETE) ||
    byte === LINE_FEED ||
    byte === CARRIAGE_RETURN ||
    byte === TAB
  );
}

/** What is told of a secret's file. */
export type SecretTeller = (message: string, details: Record<string, unknown>) => void;

/** The secrets of a file, which are those that it has by now. */
export class SecretFile {
  readonly secrets: ClusterSecrets;
  readonly #path: string;
  readonly #tell: SecretTeller;
  readonly #timer: ReturnType<typeof setInterval>;
  #seen: string;

  /** @throws RingMQError BAD_CONFIG */
  constructor(path: string, tell: SecretTeller) {
    this.#path = path;
    this.#tell = tell;
    this.#seen = stateOf(path);
    this.secrets = new ClusterSecrets(readSecrets(path));
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    unref(this.#timer);
  }

  /** Reads it now, however it looks from outside. What cannot be used is told, and changes nothing. */
  readAgain(): void {
    this.#seen = stateOf(this.#path);
    try {
      if (this.secrets.replace(readSecrets(this.#path))) {
        this.#tell(told(this.secrets.all.length, this.#path), { path: this.#path });
      }
    } catch (error) {
      this.#tell(
        `the cluster's secret stays as it was: ${error instanceof Error ? error.message : String(error)}`,
        { path: this.#path },
      );
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    if (stateOf(this.#path) !== this.#seen) {
      this.readAgain();
    }
  }
}

function told(count: number, path: string): string {
  return count === 1
    ? `the cluster's secret is another: that in ${path} alone is proved and taken from now on`
    : `the cluster's secret is another: the first in ${path} is proved, both are taken from now on`;
}

function stateOf(path: string): string {
  try {
    const { ino, mtimeMs, size } = statSync(path);
    return `${ino}:${mtimeMs}:${size}`;
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}
