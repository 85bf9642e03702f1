/**
 * What a listener thread and the thread that answers the API say to each other of HTTP requests. Bodies and
 * answers in pieces are paced both ways: each side sends as much as it was told there is room for.
 */

/** A request, as its head says it. */
export interface ApiHead {
  readonly method: string;
  /** As it was sent. */
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The peer's address. */
  readonly remote: string;
  readonly isSecure: boolean;
  /** Whom the peer's client certificate is of; null: it has shown none that counts. */
  readonly certifiedUser: string | null;
}

/** Bytes of a body that may come before anybody has asked for them, and after each `more`. */
export const BODY_WINDOW_BYTES = 64 * 1024;
/** Bytes of an answer's pieces that may be on their way and not taken by the peer. */
export const ANSWER_WINDOW_BYTES = 256 * 1024;

/** From a listener thread. */
export type ApiAsk =
  | { type: 'ask'; id: number; head: ApiHead }
  | { type: 'chunk'; id: number; bytes: Uint8Array }
  /** The body is whole. */
  | { type: 'end'; id: number }
  /** The peer went before it had its answer. Nothing follows. */
  | { type: 'gone'; id: number }
  /** So much of the answer has been taken by the peer. */
  | { type: 'taken'; id: number; bytes: number };

/** To it. */
export type ApiAnswer =
  /** So much more of the body is wanted. */
  | { type: 'more'; id: number; bytes: number }
  /** All of the answer, or its head. Nothing of the body is wanted any more where it is all. */
  | {
      type: 'answer';
      id: number;
      status: number;
      headers: Readonly<Record<string, string>>;
      /** null: pieces follow. */
      body: string | null;
    }
  | { type: 'piece'; id: number; bytes: Uint8Array }
  | { type: 'finish'; id: number }
  | { type: 'cut'; id: number };
