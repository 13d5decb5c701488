/** The documentation as one page: made from the OpenAPI document, at start. No scripts, nothing from outside. */

import type { OpenApiDocument } from '../openapi/types.ts';
import { problemSorts } from '../problems.ts';
import { type Html, html, inlineStyle } from './html.ts';
import { operationSection } from './operation.ts';
import { schemaSection } from './schema.ts';
import { stylesheet } from './style.ts';
import { prose } from './text.ts';

const style = inlineStyle(stylesheet);

export const docsCsp = [
  "default-src 'none'",
  `style-src ${style.source}`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export function docsPage(document: OpenApiDocument): string {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const groups = document.tags.map((tag) => ({
    tag,
    members: operations.filter(({ operation }) => operation.tags.includes(tag.name)),
  }));
  const schemas = Object.entries(document.components.schemas);
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${document.info.title}: HTTP interface</title>
        ${style.element}
      </head>
      <body>
        <nav aria-label="Contents">
          <a class="brand" href="#top">${document.info.title}</a>
          ${groups.map(
            ({ tag, members }) => html`
              <h2>${tag.name}</h2>
              <ul>
                ${members.map(
                  ({ path, method, operation }) =>
                    html`<li>
                      <a href="#${operation.operationId}"
                        ><span class="method ${method}">${method.toUpperCase()}</span> ${path}</a
                      >
                    </li>`,
                )}
              </ul>
            `,
          )}
          <h2>Reference</h2>
          <ul>
            <li><a href="#problems">Problems</a></li>
            ${schemas.map(([name]) => html`<li><a href="#schema-${name}">${name}</a></li>`)}
          </ul>
        </nav>
        <main id="top">
          <header>
            <h1>${document.info.title}: HTTP interface</h1>
            <p>${prose(document.info.description)}</p>
            <p>
              The same for machines: <a href="/openapi.json">/openapi.json</a>. The queues:
              <a href="/board">/board</a>.
            </p>
            <h3>Keys</h3>
            <p>
              Where the server has API keys, send one with every call to <code>/v1</code>:
              <code>Authorization: Bearer &lt;key&gt;</code>. Calls that need none are marked “open”.
            </p>
          </header>
          ${groups.map(
            ({ tag, members }) =>
              html`<section>
                <h2>${tag.name}</h2>
                <p>${prose(tag.description)}</p>
                ${members.map(operationSection)}
              </section>`,
          )}
          <section id="problems">
            <h2>Problems</h2>
            <p>${prose('Errors are `application/problem+json`; `type` names their sort.')}</p>
            ${problemTable()}
          </section>
          <section>
            <h2>Schemas</h2>
            ${schemas.map(([name, schema]) => schemaSection(name, schema))}
          </section>
        </main>
      </body>
    </html>`.markup;
}

function problemTable(): Html {
  return html`<div class="scroll">
    <table>
      <thead>
        <tr>
          <th>Status</th>
          <th>Sort</th>
          <th>What to do</th>
        </tr>
      </thead>
      <tbody>
        ${Object.entries(problemSorts).map(
          ([name, { status, title, advice }]) =>
            html`<tr id="problem-${name}">
              <td>${status}</td>
              <td><code>${name}</code><br /><small>${title}</small></td>
              <td>${prose(advice)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}
