import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type * as z from 'zod';
import { apiRoutes, createApp } from '../../../src/http/app.ts';
import { openApiDocument } from '../../../src/http/openapi/document.ts';
import { problemSorts } from '../../../src/http/problems.ts';
import { fakeDeps, startApp } from '../../support/http/test-app.ts';

const routes = apiRoutes(fakeDeps().deps);
const document = openApiDocument(routes);

/** Every value of this key, wherever it stands. */
function valuesOf(key: string, within: unknown): unknown[] {
  if (typeof within !== 'object' || within === null) return [];
  return Object.entries(within).flatMap(([name, value]) => (name === key ? [value] : valuesOf(key, value)));
}

describe('the document', () => {
  test('is OpenAPI 3.1 in JSON', async () => {
    const app = await startApp();
    const answer = await app.call('GET', '/openapi.json');
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    expect(await answer.json()).toEqual(JSON.parse(JSON.stringify(document)));
    expect(document.openapi).toBe('3.1.0');
  });

  test('names only schemas that it has, and has none that nobody names', () => {
    const references = new Set(valuesOf('$ref', document));
    const schemas = Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`);
    expect(references).toEqual(new Set(schemas));
  });

  test('gives every operation an id of its own', () => {
    const ids = valuesOf('operationId', document.paths);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toHaveLength(routes.length);
  });

  test('declares every parameter of every path', () => {
    for (const [path, methods] of Object.entries(document.paths)) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      for (const { parameters } of Object.values(methods)) {
        expect(parameters.filter((one) => one.in === 'path').map(({ name }) => name)).toEqual(inPath);
      }
    }
  });

  test('says what may be left out of a request, and what never is of an answer', () => {
    const { RunInput, Run } = document.components.schemas;
    expect(RunInput).toMatchObject({ required: ['request'], additionalProperties: false });
    expect(Run?.['required']).toEqual(Object.keys(Object(Run?.['properties'])));
  });

  test('asks for a key under /v1 (but for webhooks, which are signed) and on the board, and nowhere else', () => {
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const { security } of Object.values(methods)) {
        expect([path, security.length]).toEqual([path, /^\/(?:v1(?!\/webhooks)|board)/.test(path) ? 1 : 0]);
      }
    }
  });
});

test('every route that is registered is in the document, and the other way round', () => {
  // What express itself has, apart from what the table of routes says.
  const registered = createApp(fakeDeps().deps).router.stack.flatMap(({ route }) =>
    route === undefined
      ? []
      : route.stack
          .filter(({ method }) => method !== undefined)
          .map(({ method }) => `${method} ${route.path.replaceAll(/:(\w+)/g, '{$1}')}`),
  );
  const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  );
  // The board is a router of its own.
  expect(new Set([...registered, 'get /board'])).toEqual(new Set(documented));
});

describe('examples', () => {
  const cases = routes.flatMap((route): [string, z.ZodType | undefined, unknown][] => [
    [`${route.operationId}: request`, route.body?.schema, route.body?.example],
    ...Object.entries(route.answers).map(
      ([status, { schema, example }]): [string, z.ZodType | undefined, unknown] => [
        `${route.operationId}: ${status}`,
        schema,
        example,
      ],
    ),
  ]);
  test.for(cases.filter(([, , example]) => example !== undefined))(
    '%s fits its schema',
    ([, schema, example]) => {
      expect(schema?.safeParse(example).error).toBeUndefined();
    },
  );

  test('the example request is taken as it is', async () => {
    const app = await startApp();
    const example = routes.find(({ operationId }) => operationId === 'createRun')?.body?.example;
    expect((await app.call('POST', '/v1/runs', example)).status).toBe(202);
  });
});

describe('the pages', () => {
  test('show every route, schema and problem, and need nothing from outside', async () => {
    const app = await startApp();
    const answer = await app.call('GET', '/docs');
    const page = await answer.text();
    for (const id of valuesOf('operationId', document.paths)) expect(page).toContain(`id="${String(id)}"`);
    for (const name of Object.keys(document.components.schemas))
      expect(page).toContain(`id="schema-${name}"`);
    for (const name of Object.keys(problemSorts)) expect(page).toContain(`id="problem-${name}"`);
    expect(page).not.toMatch(/<script|<link|<img|\son\w+=|\sstyle=|src=/);
    expect(page).not.toContain('[object Object]');
    expect(page.replaceAll(/\s+/g, ' ')).toMatch(
      /<code>provider_run_id<\/code><\/td> <td>text or null<\/td>/,
    );
    expect(answer.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; style-src 'sha256-[^']+';/,
    );
    const targets = [...page.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id);
    for (const target of targets) expect(page).toContain(`id="${target}"`);
  });

  test('of what is in them, all is escaped', async () => {
    const { docsPage } = await import('../../../src/http/docs/page.ts');
    const page = docsPage({ ...document, info: { ...document.info, title: '<img src=x onerror=alert(1)>' } });
    expect(page).not.toContain('<img');
  });
});

test('docs/http.md lists every problem', () => {
  const text = readFileSync(new URL('../../../docs/http.md', import.meta.url), 'utf8');
  for (const [name, { status }] of Object.entries(problemSorts)) {
    expect(text).toMatch(new RegExp(String.raw`\| ${status} +\| \`${name}\``));
  }
});
