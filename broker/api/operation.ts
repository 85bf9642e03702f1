/** One thing that can be asked over HTTP, and how the one who asks is answered. */
import type { Exchange } from './exchange.js';

/** JSON Schema 2020-12, as OpenAPI 3.1 has it. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly [key: string]: unknown;
}

/** A request body or an answer: by media types. */
export type MediaTypes = Readonly<Record<string, JsonSchema>>;

export interface HeaderParameter {
  readonly name: string;
  readonly about: string;
}

/** What an operation says of itself, for OpenAPI. */
export interface OperationFacts {
  /** Unique. */
  readonly id: string;
  readonly verb: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Below `/api/v1`. */
  readonly path: string;
  readonly about: string;
  /** Parameters of the query, besides those of the path: properties of an object. */
  readonly query?: JsonSchema;
  readonly headers?: readonly HeaderParameter[];
  readonly body?: MediaTypes;
  readonly status: number;
  readonly answer: MediaTypes;
  /** It needs no login. */
  readonly isOpen?: true;
  /** `broker`, `set` or `cluster`: how far it goes. */
  readonly scope?: string;
}

/** One call of it. */
export interface Call<Caller> {
  readonly exchange: Exchange;
  /** Of the path, decoded. */
  readonly path: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly caller: Caller;
}

export interface Operation<Caller> extends OperationFacts {
  /** Answers. What it throws is answered as an error. */
  handle(call: Call<Caller>): Promise<void> | void;
}
