/**
 * Certificates are renewed while the broker runs. The files are looked at now and then, and new ones are used
 * for connections that come from then on; those that stand keep what they began with.
 */

import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { MAX_PEM_BYTES, readSmallFile } from '../files/small-file.js';
import { clearInterval, setInterval } from '../time/index.js';
import { CertificateDates } from './certificate-dates.js';
import { secureOptionsOf } from './tls-context.js';
import type { ListenerTls } from './types.js';

export type CertificateFiles = Pick<ListenerTls, 'certFile' | 'keyFile' | 'clientCaFile'>;

export interface CertificateEvents {
  /** The files can be used, and are others than before. */
  onRenewed(): void;
  /** They are others than before and cannot be used: the old ones stay in use. Once until they change again. */
  onTrouble(message: string): void;
}

export const CERTIFICATE_LOOK_MS = 10_000;

export class CertificateWatch {
  readonly #files: CertificateFiles;
  readonly #events: CertificateEvents;
  readonly #timer: NodeJS.Timeout;
  /** What the files looked like when they were last taken, and when there was last trouble. */
  #taken: string;
  /** What was in them when they were last taken. */
  #takenDigest: string;
  #troubled = '';
  #dates: CertificateDates | null;
  /** What was told of the certificate's dates last. */
  #toldOfDates: string | null = null;

  constructor(files: CertificateFiles, events: CertificateEvents, lookMs = CERTIFICATE_LOOK_MS) {
    this.#files = files;
    this.#events = events;
    this.#taken = stateOf(files);
    this.#takenDigest = digestOf(files);
    this.#dates = datesOf(files);
    // Who has begun to listen is told, not who is about to.
    queueMicrotask(() => this.#lookAtDates());
    this.#timer = setInterval(() => {
      this.#look();
      this.#lookAtDates();
    }, lookMs);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Now, however they look from outside. What is in them as before changes nothing: a listener of `uws` has only so many certificates at a time. */
  look(): void {
    this.#taken = '';
    this.#troubled = '';
    this.#look();
  }

  /** Once for each thing there is to say of them. */
  #lookAtDates(): void {
    const trouble = this.#dates?.troubleAt(Date.now()) ?? null;
    if (trouble !== this.#toldOfDates) {
      this.#toldOfDates = trouble;
      if (trouble !== null) {
        this.#events.onTrouble(
          `the TLS certificate ${this.#files.certFile} ${trouble}: clients refuse it, or will; put a new one in its place, which is taken without a restart`,
        );
      }
    }
  }

  #look(): void {
    const state = stateOf(this.#files);
    if (state === this.#taken || state === this.#troubled) {
      return;
    }
    const digest = digestOf(this.#files);
    if (digest === this.#takenDigest) {
      this.#taken = state;
      this.#troubled = '';
      return;
    }
    try {
      // Also tells whether they belong together: one may have been written and the other not yet.
      createSecureContext(secureOptionsOf(this.#files));
      this.#events.onRenewed();
      this.#taken = state;
      this.#takenDigest = digest;
      this.#dates = datesOf(this.#files);
    } catch (error) {
      this.#troubled = state;
      this.#events.onTrouble(
        `the new TLS certificate or key cannot be used, the old ones are used on: ${(error as Error).message}`,
      );
    }
  }
}

/** null: Node takes it, and it is none that can be read here. */
function datesOf({ certFile }: CertificateFiles): CertificateDates | null {
  try {
    return new CertificateDates(readSmallFile(certFile, MAX_PEM_BYTES));
  } catch {
    return null;
  }
}

function listOf({ certFile, keyFile, clientCaFile }: CertificateFiles): string[] {
  return [certFile, keyFile, ...(clientCaFile === undefined ? [] : [clientCaFile])];
}

function stateOf(files: CertificateFiles): string {
  return listOf(files).map(stateOfFile).join(' ');
}

function digestOf(files: CertificateFiles): string {
  return listOf(files).map(digestOfFile).join(' ');
}

/** Of what cannot be read nothing is said: whoever uses it says it. */
function digestOfFile(path: string): string {
  try {
    return createHash('sha256')
      .update(readSmallFile(path, MAX_PEM_BYTES, 0))
      .digest('base64');
  } catch {
    return '-';
  }
}

function stateOfFile(path: string): string {
  try {
    const { ino, mtimeMs, size } = statSync(path);
    return `${ino}:${mtimeMs}:${size}`;
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}
