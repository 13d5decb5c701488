import { docsCsp, docsPage } from '../docs/page.ts';
import { openApiDocument } from '../openapi/document.ts';
import { type Route, route } from '../route.ts';
import { noQuery } from '../schemas.ts';

/** The documentation of all the other routes, and of itself. */
export function docsRoutes(others: readonly Route[]): Route[] {
  // Set below: the document lists these two routes too.
  let json = '';
  let page = '';
  const routes = [
    route({
      method: 'get',
      path: '/openapi.json',
      operationId: 'openapi',
      tag: 'Operations',
      summary: 'This interface as OpenAPI 3.1',
      access: 'open',
      query: noQuery,
      answers: { 200: { description: 'The document.', contentType: 'application/json' } },
      handle: ({ res }) => void res.type('json').send(json),
    }),
    route({
      method: 'get',
      path: '/docs',
      operationId: 'docs',
      tag: 'Operations',
      summary: 'This interface as a page to read',
      access: 'open',
      query: noQuery,
      answers: { 200: { description: 'The page.', contentType: 'text/html' } },
      handle: ({ res }) => void res.set('Content-Security-Policy', docsCsp).type('html').send(page),
    }),
  ];
  const document = openApiDocument([...others, ...routes]);
  json = JSON.stringify(document, null, 2);
  page = docsPage(document);
  return routes;
}
