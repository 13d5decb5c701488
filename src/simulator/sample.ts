import { isObject } from './params.ts';

/** Deep enough for any tool's parameters; stops recursive schemas. */
const DEEPEST = 8;

/**
 * A value that fits a JSON schema well enough for tools that check their arguments: constants, enums, defaults
 * and lower bounds are honoured, required properties are filled in (all of them when none is named).
 */
export function sampleOf(schema: unknown, depth = 0): unknown {
  if (!isObject(schema) || depth > DEEPEST) return null;
  for (const key of ['const', 'default'] as const) if (schema[key] !== undefined) return schema[key];
  if (Array.isArray(schema['enum']) && schema['enum'].length > 0) return schema['enum'][0];
  for (const key of ['anyOf', 'oneOf', 'allOf'] as const) {
    const options = schema[key];
    if (Array.isArray(options) && options.length > 0) return sampleOf(options[0], depth + 1);
  }
  const type = Array.isArray(schema['type']) ? schema['type'][0] : schema['type'];
  switch (type) {
    case 'string':
      return sampleString(schema);
    case 'integer':
    case 'number':
      return typeof schema['minimum'] === 'number' ? schema['minimum'] : 1;
    case 'boolean':
      return true;
    case 'array': {
      const least = typeof schema['minItems'] === 'number' ? schema['minItems'] : 0;
      return Array.from({ length: least }, () => sampleOf(schema['items'], depth + 1));
    }
    case 'object':
      return sampleObject(schema, depth);
    default:
      return schema['properties'] === undefined ? null : sampleObject(schema, depth);
  }
}

function sampleString(schema: Readonly<Record<string, unknown>>): string {
  switch (schema['format']) {
    case 'date-time':
      return '2026-01-01T00:00:00Z';
    case 'date':
      return '2026-01-01';
    case 'email':
      return 'someone@example.com';
    case 'uri':
      return 'https://example.com/';
    case 'uuid':
      return '00000000-0000-4000-8000-000000000000';
    default: {
      const least = typeof schema['minLength'] === 'number' ? schema['minLength'] : 0;
      return 'sample'.padEnd(least, '.');
    }
  }
}

function sampleObject(schema: Readonly<Record<string, unknown>>, depth: number): Record<string, unknown> {
  const properties = isObject(schema['properties']) ? schema['properties'] : {};
  const required = Array.isArray(schema['required']) ? schema['required'] : Object.keys(properties);
  return Object.fromEntries(
    required
      .filter((name): name is string => typeof name === 'string')
      .map((name) => [name, sampleOf(properties[name], depth + 1)]),
  );
}
