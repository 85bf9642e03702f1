/** What a client says first and is answered, and how an error is told: payloads of `hello`, `welcome` and `error` frames. */
import type { NodeRole } from './cluster.js';
import type { ScramCredentials } from './scram.js';
import type { CertificateCredentials, TokenCredentials } from './token.js';

export interface Hello {
  version: number;
  /**
   * Optional parts of the protocol the client can use; the answer lists those both sides have. None exist in
   * version 1.
   */
  features: string[];
  /** Free text for logs, at most 127 bytes. */
  client: string;
  /** For brokers that ask for them; others ignore them. */
  credentials?: ScramCredentials | TokenCredentials | CertificateCredentials;
}

export interface Welcome {
  version: number;
  features: string[];
  /** 16 hexadecimal digits, made when the data directory was; part of every message id. */
  brokerId: string;
  /**
   * 16 hexadecimal digits, random, made anew each time a broker opens a data directory. A client that meets
   * another one than before resolves topics anew; offsets of memory topics, and of what was not on disk, may
   * have been given out a second time.
   */
  openingId: string;
  brokerName: string;
  /** What the broker's flush policy promises a send that asks for nothing else. */
  flush: 'sync' | 'async';
  listener: 'uws' | 'ws' | 'embedded';
  limits: { bodyBytes: number; batchBytes: number; frameBytes: number };
  /** Who answers. Absent: a master. A name server knows the methods of {@link NameServerMethods} and no others. */
  role?: NodeRole | 'nameserver';
  /** The cluster that the broker is of; absent or null: of none, or a name server, which may have several. */
  cluster?: string | null;
  /** The broker set: a master and its slaves, which have one log. Absent or null of a name server. */
  brokerSet?: string | null;
  /** The master's term that this broker knows; 0 of a name server. */
  epoch?: number;
  /** Where the set's master is; null: this one is it, or it is not known. */
  master?: string | null;
  /** After a login: the broker knows the user's verifier, too. Base64. */
  serverSignature?: string;
  /** After a login: as whom, as the broker calls it. */
  user?: string;
  /** After a login by a token: how long it is good from here on. Who renews it in time stays connected. */
  expiresInMs?: number;
  /** Of a name server: 64 hexadecimal digits, random, anew for each connection; a broker's `proof` is made over it. */
  nonce?: string;
}

export interface ErrorBody {
  code: string;
  message: string;
  details?: Record<string, unknown>;
}
