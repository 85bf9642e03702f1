/** Parameters out of a query or a JSON body. What they must be is said by a schema; texts of a query become what it asks for. */
import { RingMQError } from '../../native-free/wire/index.js';
import { doubleKey } from '../double-key.js';
import type { Exchange } from './exchange.js';
import { badParameter } from './http-errors.js';
import type { JsonSchema } from './operation.js';

/** A JSON body with the parameters of a method: a list of 32 roles, or 64 sets, is far below. */
const MAX_JSON_BYTES = 64 * 1024;

/** Each may be there once. @throws RingMQError BAD_REQUEST for one that there is not, naming those there are */
export function queryValues(query: URLSearchParams, schema: JsonSchema | undefined): Record<string, unknown> {
  const properties = schema?.properties ?? {};
  const values: Record<string, unknown> = {};
  for (const [name, text] of query) {
    const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (property === undefined) {
      throw noParameter(name, 'query', properties);
    }
    if (Object.hasOwn(values, name)) {
      throw badParameter(name, 'is in the query twice');
    }
    values[name] = asWanted(text, property);
  }
  return values;
}

/** Nobody shall think that one had an effect that there is not. */
export function noParameter(name: string, of: 'query' | 'body', properties: object): RingMQError {
  const known = Object.keys(properties);
  const which = known.length === 0 ? 'there is none' : `there are ${known.join(', ')}`;
  return badParameter(name.slice(0, 64), `is no parameter of this ${of}; ${which}`);
}

/** Those of a path, which are all there. */
export function pathValues(
  path: Readonly<Record<string, string>>,
  schema: JsonSchema,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(path).map(([name, text]) => [name, asWanted(text, schema.properties?.[name] ?? {})]),
  );
}

/** What does not look like it stays text: who takes the parameters says what is wrong with it. */
function asWanted(text: string, schema: JsonSchema): unknown {
  const types = typesOf(schema);
  if ((types.has('integer') || types.has('number')) && /^-?\d+(?:\.\d+)?$/.test(text)) {
    return Number(text);
  }
  if (types.has('boolean') && (text === 'true' || text === 'false')) {
    return text === 'true';
  }
  if (types.has('array')) {
    return text.split(',');
  }
  return text;
}

function typesOf({ type, anyOf }: JsonSchema): Set<string> {
  const own = type === undefined ? [] : typeof type === 'string' ? [type] : type;
  const others = Array.isArray(anyOf) ? (anyOf as JsonSchema[]).flatMap((one) => [...typesOf(one)]) : [];
  return new Set([...own, ...others]);
}

/** The object in a request's body; an empty body is an empty object. @throws RingMQError BAD_REQUEST, MESSAGE_TOO_LARGE */
export async function jsonObject(exchange: Exchange): Promise<Record<string, unknown>> {
  const body = await exchange.readAll(MAX_JSON_BYTES);
  if (body.length === 0) {
    return {};
  }
  const type = mediaType(exchange);
  if (type !== 'application/json') {
    throw new RingMQError('BAD_REQUEST', 'the body must be application/json, by its Content-Type');
  }
  const text = body.toString();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new RingMQError('BAD_REQUEST', `the body is no JSON: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new RingMQError('BAD_REQUEST', 'the body is no JSON object');
  }
  if (hasProto(value)) {
    throw badParameter('__proto__', 'is no parameter');
  }
  const double = doubleKey(text);
  if (double !== null) {
    throw badParameter(double.slice(0, 64), 'is in the body twice');
  }
  return value as Record<string, unknown>;
}

/** Whatever checks the object may pass over a key that is the name of a prototype. */
function hasProto(value: object): boolean {
  const toSee: unknown[] = [value];
  for (let next = toSee.pop(); next !== undefined; next = toSee.pop()) {
    if (typeof next !== 'object' || next === null) {
      continue;
    }
    if (Object.hasOwn(next, '__proto__')) {
      return true;
    }
    for (const part of Object.values(next)) {
      toSee.push(part);
    }
  }
  return false;
}

/** Of the body, in lower case, without parameters. */
export function mediaType({ head }: Exchange): string {
  return (head.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}

/** A whole number of the query within its bounds. @throws RingMQError BAD_REQUEST */
export function numberOf(
  query: URLSearchParams,
  name: string,
  bounds: { min: number; max: number; otherwise: number },
): number {
  const text = query.get(name);
  if (text === null) {
    return bounds.otherwise;
  }
  const value = Number(text);
  if (!/^\d{1,15}$/.test(text) || value < bounds.min || value > bounds.max) {
    throw badParameter(name, `must be a whole number of ${bounds.min} to ${bounds.max}`);
  }
  return value;
}

/** A text of the query that has to be there. @throws RingMQError BAD_REQUEST */
export function textOf(query: URLSearchParams, name: string): string {
  const text = query.get(name);
  if (text === null || text === '') {
    throw badParameter(name, 'is missing in the query');
  }
  return text;
}
