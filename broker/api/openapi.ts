/** The API's own description, made from its operations: OpenAPI 3.1. */
import type { JsonSchema, MediaTypes, Operation } from './operation.js';
import { API_BASE } from './router.js';
import { ERROR_SCHEMA } from './schemas.js';

const SCOPES: Readonly<Record<string, string>> = {
  broker: 'About the broker that is asked.',
  set: "About the broker's set: its master and slaves have one log.",
  cluster: 'About the whole cluster: the other sets have it a moment later.',
};

export function openApiText(title: string, operations: readonly Operation<never>[]): string {
  return `${JSON.stringify(openApi(title, operations))}\n`;
}

export function openApi(title: string, operations: readonly Operation<never>[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const operation of operations) {
    const path = operation.path.replaceAll(/:(\w+)/g, '{$1}');
    paths[path] ??= {};
    (paths[path] as Record<string, object>)[operation.verb.toLowerCase()] = described(operation);
  }
  return {
    openapi: '3.1.0',
    info: { title, version: '1', license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    servers: [{ url: API_BASE }],
    security: [{}, { basic: [] }, { bearer: [] }, { scram: [] }, { certificate: [] }],
    paths,
    components: {
      schemas: { Error: ERROR_SCHEMA },
      securitySchemes: {
        basic: { type: 'http', scheme: 'basic', description: 'Over TLS, or on loopback.' },
        bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        scram: { type: 'http', scheme: 'scram-sha-256', description: 'RFC 7804.' },
        certificate: { type: 'mutualTLS', description: 'Where the broker is told whose are believed.' },
      },
    },
  };
}

function described(operation: Operation<never>): object {
  const { id, about, scope, query, headers = [], body, status, answer } = operation;
  const parameters = [
    ...[...operation.path.matchAll(/:(\w+)/g)].map(([, name]) => ({
      name,
      in: 'path',
      required: true,
      schema: { type: 'string' },
    })),
    ...Object.entries(query?.properties ?? {}).map(([name, schema]) => ({
      name,
      in: 'query',
      required: query?.required?.includes(name) ?? false,
      ...withoutDescription(schema),
    })),
    ...headers.map(({ name, about: description }) => ({
      name,
      in: 'header',
      required: false,
      description,
      schema: { type: 'string' },
    })),
  ];
  return {
    operationId: id,
    summary: about,
    ...(scope === undefined ? {} : { description: SCOPES[scope] }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { required: true, content: contentOf(body) } }),
    responses: {
      [status]: { description: 'Done.', content: contentOf(answer) },
      default: {
        description:
          'It was not done, or not all of it: `code` says why, and the status what kind of reason it is.',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      },
    },
  };
}

function contentOf(types: MediaTypes): object {
  return Object.fromEntries(Object.entries(types).map(([type, schema]) => [type, { schema }]));
}

function withoutDescription({ description, ...schema }: JsonSchema): object {
  return description === undefined ? { schema } : { description, schema };
}
