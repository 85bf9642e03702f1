/** The operations that are methods of the table: one request each, asked as any client asks. */
import { z } from 'zod';
import { parseParams } from '../../engine/control/params.js';
import type { ControlMethod } from '../../native-free/wire/index.js';
import { JSON_TYPE } from '../../transport/http/api-door.js';
import type { Caller } from './callers.js';
import { badParameter } from './http-errors.js';
import { METHODS, type MethodRoute } from './methods.js';
import type { Call, JsonSchema, Operation } from './operation.js';
import { jsonObject, noParameter, pathValues, queryValues } from './parameters.js';

/** More rows are not put into JSON in one go, whatever is asked for; the cursor goes on behind them. */
const MAX_ROWS = 1_000;
/** How long a method may take. */
const ANSWER_MS = 30_000;

export function schemaOf(type: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const { $schema: _, ...schema } = z.toJSONSchema(type, {
    io,
    target: 'draft-2020-12',
    unrepresentable: 'any',
  }) as Record<string, unknown>;
  return schema;
}

export function methodOperations(): Operation<Caller>[] {
  const all: Operation<Caller>[] = [];
  for (const [method, { http }] of Object.entries(METHODS)) {
    if (http !== null) {
      all.push(operationOf(method as ControlMethod, http));
    }
  }
  return all;
}

function operationOf(method: ControlMethod, route: MethodRoute): Operation<Caller> {
  const { params, answer } = METHODS[method];
  const { verb, path, about, scope, status = 200, toJson } = route;
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name]) => name as string);
  const whole = schemaOf(params, 'input');
  const schema = without(whole, inPath);
  const hasBody = verb === 'POST' || verb === 'PUT';
  return {
    id: method,
    verb,
    path,
    about,
    scope,
    status,
    ...(hasBody ? { body: { 'application/json': schema } } : { query: schema }),
    answer: { 'application/json': schemaOf(route.answer ?? answer, 'output') },
    handle: async (call) => {
      const given = hasBody
        ? withPath(await bodyOf(call, whole), pathValues(call.path, whole))
        : { ...queryValues(call.query, schema), ...pathValues(call.path, whole) };
      const limit = (given as { limit?: unknown }).limit;
      if (typeof limit === 'number' && limit > MAX_ROWS) {
        (given as { limit?: unknown }).limit = MAX_ROWS;
      }
      const { requests } = call.caller.connection();
      // Checked here with what the broker says of it: what a frame cannot have would end the connection.
      const result = await requests.call(method, parseParams(method, given) as never, {
        signal: call.exchange.signal,
        timeoutMs: ANSWER_MS,
        onlyNow: true,
      });
      call.exchange.answer(status, `${JSON.stringify(toJson?.(result) ?? result)}\n`, {
        'Content-Type': JSON_TYPE,
      });
    },
  };
}

async function bodyOf(
  { exchange, query }: Call<Caller>,
  schema: JsonSchema,
): Promise<Record<string, unknown>> {
  // Parameters of the query have no effect here, and nobody shall think they have.
  queryValues(query, undefined);
  const body = await jsonObject(exchange);
  const { properties = {} } = schema;
  for (const name of Object.keys(body)) {
    if (!Object.hasOwn(properties, name)) {
      throw noParameter(name, 'body', properties);
    }
  }
  return body;
}

function withPath(
  body: Record<string, unknown>,
  path: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  for (const [name, value] of Object.entries(path)) {
    if (Object.hasOwn(body, name) && body[name] !== value) {
      throw badParameter(name, 'is another one in the body than in the path');
    }
  }
  return { ...body, ...path };
}

function without(schema: JsonSchema, names: readonly string[]): JsonSchema {
  const properties = Object.fromEntries(
    Object.entries(schema.properties ?? {}).filter(([name]) => !names.includes(name)),
  );
  const { required: allRequired = [], ...rest } = schema;
  const required = allRequired.filter((name) => !names.includes(name));
  return { ...rest, properties, ...(required.length === 0 ? {} : { required }) };
}
