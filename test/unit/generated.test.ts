import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { generate, jobExamples } from '../../scripts/generate.ts';
import { toolJobExamples, toolResultExamples } from '../../scripts/tool-schemas.ts';
import { variables } from '../../src/config/index.ts';
import { jobData } from '../../src/domain/wire/job-data.ts';
import { toolJobData } from '../../src/domain/wire/tool-job.ts';

const root = join(import.meta.dirname, '../..');
const files = await generate();

test.for(Object.keys(files))('%s is as the code would write it (npm run generate)', async (path) => {
  expect(await readFile(join(root, path), 'utf8')).toBe(files[path]);
});

test('docs/configuration.md has every variable once', () => {
  const rows = [...(files['docs/configuration.md'] ?? '').matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name);
  expect(rows).toHaveLength(Object.keys(variables).length);
  expect(new Set(rows)).toEqual(new Set(Object.keys(variables)));
});

const schema = JSON.parse(files['schemas/run.schema.json'] ?? '');

test('the schema says how to use it, and shows examples', () => {
  expect(schema).toMatchObject({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: expect.any(String),
    description: expect.stringContaining('BullMQ'),
    examples: jobExamples,
  });
});

// Read back as any other reader would: the written schema and the code must agree on what fits.
const shape = z.fromJSONSchema(shapeOnly(schema));
function fits(data: object = {}): boolean {
  const anyOf: { required: string[] }[] = schema.anyOf;
  const complete = anyOf.some(({ required }) => required.every((name) => name in data));
  return complete && shape.safeParse(data).success;
}

test.for(jobExamples.map((example) => [example]))('example %# fits', ([example]) => {
  expect([jobData.safeParse(example).success, fits(example)]).toEqual([true, true]);
});

const request = { model: 'gpt-5' };
test.for([
  [{}],
  [{ request: 'text' }],
  [{ request, kind: 'unknown' }],
  [{ request, deadline_seconds: 0 }],
  [{ request, priority: -1 }],
  [{ request, label: 'white space' }],
  [{ request, lane: '' }],
  [{ request, metadata: { number: 1 } }],
  [{ request, metadata: Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`k${at}`, 'v'])) }],
  [{ request, callback: {} }],
  [{ request, accepted_at: 'yesterday' }],
  [{ request, request_stored: false }],
  [{ request, surprise: true }],
])('misfit %# fits neither', ([data]) => {
  expect([jobData.safeParse(data).success, fits(data)]).toEqual([false, false]);
});

/** Zod's reader knows no `anyOf` beside properties. */
function shapeOnly({ anyOf: _anyOf, ...rest }: typeof schema): typeof schema {
  return rest;
}

describe('the schemas of the queue "tools"', () => {
  const job = z.fromJSONSchema(JSON.parse(files['schemas/tool-job.schema.json'] ?? ''));
  const [example] = toolJobExamples;

  test('say how to use them, and their examples fit', () => {
    expect([toolJobData.safeParse(example).success, job.safeParse(example).success]).toEqual([true, true]);
    const result = z.fromJSONSchema(JSON.parse(files['schemas/tool-result.schema.json'] ?? ''));
    expect(toolResultExamples.map((each) => result.safeParse(each).success)).toEqual([
      true,
      true,
      true,
      true,
    ]);
  });

  test('a job of a newer version may hold more', () => {
    const newer = { ...example, more: 1 };
    expect([toolJobData.safeParse(newer).success, job.safeParse(newer).success]).toEqual([true, true]);
  });

  test.for([
    [{ ...example, v: 2 }],
    [{ ...example, round: 0 }],
    [{ ...example, run_id: '' }],
    [{ ...example, arguments: { city: 'Bergen' } }],
    [{ ...example, deadline_at: 'soon' }],
    [{ ...example, tool_call_id: undefined }],
  ])('misfit %# fits neither', ([data]) => {
    expect([toolJobData.safeParse(data).success, job.safeParse(data).success]).toEqual([false, false]);
  });
});
