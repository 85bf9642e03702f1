/** What messages, receipts and errors look like over HTTP. */
import type { JsonSchema } from './operation.js';

const text: JsonSchema = { type: 'string' };
const count: JsonSchema = { type: 'integer', minimum: 0 };
const properties: JsonSchema = {
  type: 'object',
  additionalProperties: { type: ['string', 'number', 'boolean'] },
};

export const ERROR_SCHEMA: JsonSchema = {
  type: 'object',
  required: ['code', 'message', 'retryable', 'details'],
  properties: {
    code: { type: 'string', description: 'One of docs/errors.md.' },
    message: text,
    retryable: { type: 'boolean', description: 'The same may succeed later.' },
    details: { type: 'object' },
  },
};

export const MESSAGE_IN_SCHEMA: JsonSchema = {
  type: 'object',
  properties: {
    body: { type: ['string', 'null'], description: 'Text, sent as UTF-8.' },
    bodyBase64: { type: 'string', contentEncoding: 'base64' },
    tag: { type: ['string', 'null'] },
    keys: { type: 'array', items: text },
    shardingKey: { type: ['string', 'null'] },
    properties,
  },
};

export const MESSAGE_OUT_SCHEMA: JsonSchema = {
  type: 'object',
  required: [
    'topic',
    'queueId',
    'offset',
    'messageId',
    'bornTime',
    'storeTime',
    'tag',
    'keys',
    'shardingKey',
    'properties',
  ],
  properties: {
    topic: text,
    queueId: count,
    offset: count,
    messageId: text,
    bornTime: { type: 'integer', description: 'Milliseconds since 1970.' },
    storeTime: { type: 'integer', description: 'Milliseconds since 1970.' },
    tag: { type: ['string', 'null'] },
    keys: { type: 'array', items: text },
    shardingKey: { type: ['string', 'null'] },
    properties,
    body: { type: ['string', 'null'], description: 'Where it is UTF-8.' },
    bodyBase64: { type: 'string', contentEncoding: 'base64' },
  },
};

export const RECEIPT_SCHEMA: JsonSchema = {
  type: 'object',
  required: ['messageId', 'topic', 'queueId', 'offset', 'status', 'durability'],
  properties: {
    messageId: text,
    topic: text,
    queueId: count,
    offset: count,
    status: { const: 'SEND_OK' },
    durability: { enum: ['memory', 'page-cache', 'disk'] },
    brokerSet: text,
    replicas: { type: 'integer', description: 'Slaves that had it, too.' },
  },
};

export const FROM_SCHEMA: JsonSchema = {
  type: 'string',
  description:
    'Where reading begins: `earliest`, `latest`, an offset, or a time as `2026-01-31T12:00:00Z`. Of a group it counts where nothing was committed.',
};
