/** The description of the API is one that others' tools take: checked by a library of theirs. */
import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openNameServer } from '../../broker/index.js';
import { openApi } from './api-rig.js';

async function problemsOf(document: Record<string, unknown>): Promise<string> {
  const { valid, errors } = await new Validator().validate(document);
  return valid ? '' : JSON.stringify(errors).slice(0, 2_000);
}

describe('openapi.json', () => {
  it('of a broker is OpenAPI 3.1', async () => {
    const { ask } = await openApi();
    const { json } = await ask('GET', '/openapi.json');
    expect(json['openapi']).toMatch(/^3\.1\./);
    expect(await problemsOf(json)).toBe('');
  });

  it('of a name server, too', async () => {
    const server = await openNameServer({ port: 0 });
    onTestFinished(() => server.close());
    const answer = await fetch(`http://127.0.0.1:${server.port}/api/v1/openapi.json`);
    expect(await problemsOf((await answer.json()) as Record<string, unknown>)).toBe('');
  });
});
