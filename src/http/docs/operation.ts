import type { Answer, Content, Operation, Parameter } from '../openapi/types.ts';
import { curl } from './curl.ts';
import { type Html, html } from './html.ts';
import { typeOf } from './schema.ts';
import { pretty, prose } from './text.ts';

export interface DocumentedOperation {
  readonly path: string;
  readonly method: string;
  readonly operation: Operation;
}

export function operationSection({ path, method, operation }: DocumentedOperation): Html {
  const answers = Object.entries(operation.responses);
  return html`<article id="${operation.operationId}">
    <h3>
      <span class="method ${method}">${method.toUpperCase()}</span> <code>${path}</code>
      ${operation.security.length === 0 ? html`<span class="open">open</span>` : ''}
    </h3>
    <p class="summary">${prose(operation.summary)}</p>
    ${operation.description === undefined ? '' : html`<p>${prose(operation.description)}</p>`}
    ${parameterTable(operation.parameters)}
    <pre><code>${curl({ path, method, operation })}</code></pre>
    ${answers.filter(([status]) => Number(status) < 400).map(([status, answer]) => goodAnswer(status, answer))}
    ${problemList(answers)}
  </article>`;
}

function parameterTable(parameters: readonly Parameter[]): Html | string {
  if (parameters.length === 0) return '';
  return html`<div class="scroll">
    <table>
      <tbody>
        ${parameters.map(
          (parameter) =>
            html`<tr>
              <td><code>${parameter.name}</code><br /><small>${parameter.in}</small></td>
              <td>${typeOf(parameter.schema)}</td>
              <td>${prose(parameter.description ?? '')}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function goodAnswer(status: string, answer: Answer): Html {
  const headers = Object.entries(answer.headers ?? {});
  return html`<div class="answer">
    <p><span class="status">${status}</span> ${prose(answer.description)} ${schemaLink(answer.content)}</p>
    ${
      headers.length === 0
        ? ''
        : html`<ul class="headers">
            ${headers.map(
              ([name, { description }]) => html`<li><code>${name}</code>: ${prose(description)}</li>`,
            )}
          </ul>`
    }
    ${example(answer.content)}
  </div>`;
}

function example(content: Content = {}): Html | string {
  const shown = Object.values(content).find((media) => media.example !== undefined);
  if (shown === undefined) return '';
  return html`<details>
    <summary>Example</summary>
    <pre><code>${pretty(shown.example)}</code></pre>
  </details>`;
}

function schemaLink(content: Content = {}): Html | string {
  const [media = ['', {}]] = Object.entries(content);
  const [contentType, { schema = {} }] = media;
  return '$ref' in schema ? typeOf(schema) : html`<small>${contentType}</small>`;
}

function problemList(answers: readonly (readonly [string, Answer])[]): Html | string {
  const problems = answers.filter(([, answer]) => 'application/problem+json' in (answer.content ?? {}));
  if (problems.length === 0) return '';
  return html`<details>
    <summary>Problems: ${problems.map(([status]) => status).join(', ')}</summary>
    <ul>
      ${problems.map(([status, { description }]) => html`<li><b>${status}</b> ${description}</li>`)}
    </ul>
  </details>`;
}
