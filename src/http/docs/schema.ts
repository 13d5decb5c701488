/** JSON Schemas as tables: as much of them as our own schemas use. */

import type { JsonSchema } from '../openapi/types.ts';
import { type Html, html } from './html.ts';
import { plain, prose } from './text.ts';

export function schemaSection(name: string, schema: JsonSchema): Html {
  const rows = fieldRows(schema, '');
  return html`<article id="schema-${name}">
    <h3>${name}</h3>
    ${typeof schema['description'] === 'string' ? html`<p>${prose(schema['description'])}</p>` : ''}
    ${
      rows.length === 0
        ? ''
        : html`<div class="scroll">
            <table>
              <tbody>
                ${rows}
              </tbody>
            </table>
          </div>`
    }
  </article>`;
}

function fieldRows(schema: JsonSchema, prefix: string): Html[] {
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  return Object.entries(asSchema(schema['properties'])).flatMap(([name, value]) => {
    const field = asSchema(value);
    const path = `${prefix}${name}`;
    const inner = withoutNull(field);
    const row = html`<tr>
      <td><code>${path}</code>${required.includes(name) ? '' : html`<br /><small>optional</small>`}</td>
      <td>${typeOf(field)}</td>
      <td>${notes(field)}</td>
    </tr>`;
    return [row].concat(fieldRows(inner, `${path}.`), fieldRows(asSchema(inner['items']), `${path}[].`));
  });
}

function notes(field: JsonSchema): Html {
  const description = field['description'] ?? withoutNull(field)['description'];
  const fallback = field['default'];
  return html`${typeof description === 'string' ? prose(description) : ''}
  ${
    fallback === undefined || typeof fallback === 'object'
      ? ''
      : html`<small>Default: ${plain(fallback)}</small>`
  }`;
}

/** In a few words: `text`, `number, 0 to 60`, a link to a schema, the values that can be. */
export function typeOf(schema: JsonSchema): Html {
  const reference = schema['$ref'];
  if (typeof reference === 'string') {
    const name = reference.slice(reference.lastIndexOf('/') + 1);
    return html`<a href="#schema-${name}">${name}</a>`;
  }
  const alternatives = schema['anyOf'] ?? schema['oneOf'];
  if (Array.isArray(alternatives)) {
    return html`${alternatives.map((one, index) => html`${index === 0 ? '' : ' or '}${typeOf(asSchema(one))}`)}`;
  }
  if (Array.isArray(schema['enum'])) {
    return html`${schema['enum'].map((value) => html`<code class="value">${plain(value)}</code> `)}`;
  }
  if (schema['const'] !== undefined) return html`<code class="value">${plain(schema['const'])}</code>`;
  if (schema['type'] === 'array') return html`list of ${typeOf(asSchema(schema['items']))}`;
  return html`${typeWord(schema)}${range(schema)}`;
}

const words: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'number',
  integer: 'whole number',
  boolean: 'true or false',
  object: 'object',
  null: 'null',
};

function typeWord(schema: JsonSchema): string {
  if (schema['format'] === 'date-time') return 'time';
  if (schema['format'] === 'uri') return 'URL';
  const types: unknown[] = [schema['type']].flat();
  return types.map((type) => words[plain(type)] ?? 'anything').join(' or ');
}

function range(schema: JsonSchema): string {
  const low = schema['minimum'] ?? schema['minLength'];
  const most = schema['maximum'] ?? schema['maxLength'];
  // What stands for "any safe integer" is not worth a word.
  const high = most === Number.MAX_SAFE_INTEGER ? undefined : most;
  const above = schema['exclusiveMinimum'];
  const unit = schema['type'] === 'string' ? ' characters' : '';
  if (high === undefined) return '';
  if (above !== undefined) return `, above ${plain(above)}, at most ${plain(high)}${unit}`;
  return low === undefined ? `, at most ${plain(high)}${unit}` : `, ${plain(low)} to ${plain(high)}${unit}`;
}

/** The other half of "something or null". */
function withoutNull(schema: JsonSchema): JsonSchema {
  const alternatives: unknown[] = Array.isArray(schema['anyOf']) ? schema['anyOf'] : [];
  const others = alternatives.map(asSchema).filter((one) => one['type'] !== 'null');
  return others.length === 1 ? (others[0] ?? schema) : schema;
}

function asSchema(value: unknown): JsonSchema {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
