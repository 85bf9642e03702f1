/** Which operation a path is. Paths are matched as they were sent, and each part is decoded once, after that: no encoding leads to another route. */
import { addRoute, createRouter, findRoute } from 'rou3';
import { RingMQError } from '../../native-free/wire/index.js';
import type { Operation } from './operation.js';

export const API_BASE = '/api/v1';
const VERBS = ['GET', 'POST', 'PUT', 'DELETE'] as const;
/** No path of ours is longer: four parts, a name of 127 bytes percent-encoded in each of two. */
const MAX_PATH_CHARACTERS = 1_024;

export type Routed<Caller> =
  | { operation: Operation<Caller>; path: Record<string, string> }
  /** Nothing there; or only with these methods. */
  | { allowed: string[] };

export class Router<Caller> {
  readonly #router = createRouter<Operation<Caller>>();
  readonly operations: readonly Operation<Caller>[];

  constructor(operations: readonly Operation<Caller>[]) {
    this.operations = operations;
    for (const operation of operations) {
      addRoute(this.#router, operation.verb, API_BASE + operation.path, operation);
    }
  }

  /** @throws RingMQError BAD_REQUEST for a path that cannot be decoded */
  find(method: string, path: string): Routed<Caller> {
    // An empty part, and a slash at the end, which the router would pass over.
    if (path.length > MAX_PATH_CHARACTERS || path.includes('//') || path.endsWith('/')) {
      return { allowed: [] };
    }
    const found = findRoute(this.#router, method, path);
    if (found !== undefined && method !== '') {
      return { operation: found.data, path: decoded(found.params ?? {}) };
    }
    return { allowed: VERBS.filter((verb) => findRoute(this.#router, verb, path) !== undefined) };
  }
}

function decoded(params: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const all: Record<string, string> = {};
  for (const [name, value] of Object.entries(params)) {
    try {
      all[name] = decodeURIComponent(value ?? '');
    } catch {
      throw new RingMQError('BAD_REQUEST', `${name} in the path is not percent-encoded UTF-8`, {
        details: { parameter: name },
      });
    }
  }
  return all;
}
