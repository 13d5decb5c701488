import { badRequest, missingParameter } from './errors.ts';

/** A request's JSON body or a part of it. */
export type Params = Readonly<Record<string, unknown>>;

function typeName(value: unknown): string {
  if (Array.isArray(value)) return 'an array';
  if (value === null) return 'null';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function wrongType(param: string, wanted: string, value: unknown): Error {
  return badRequest(
    `Invalid type for '${param}': expected ${wanted}, but got ${typeName(value)} instead.`,
    param,
    'invalid_type',
  );
}

export function isObject(value: unknown): value is Params {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `null` and absent are the same to the API, so to these readers. */
export function optionalString(params: Params, name: string): string | null {
  const value = params[name] ?? null;
  if (value === null || typeof value === 'string') return value;
  throw wrongType(name, 'a string', value);
}

export function requiredString(params: Params, name: string): string {
  const value = optionalString(params, name);
  if (value === null) throw missingParameter(name);
  return value;
}

export function optionalNumber(params: Params, name: string, fallback: number | null): number | null {
  const value = params[name] ?? fallback;
  if (value === null || typeof value === 'number') return value;
  throw wrongType(name, 'a number', value);
}

export function optionalBoolean(params: Params, name: string, fallback: boolean): boolean {
  const value = params[name] ?? fallback;
  if (typeof value === 'boolean') return value;
  throw wrongType(name, 'a boolean', value);
}

export function optionalObject(params: Params, name: string): Params | null {
  const value = params[name] ?? null;
  if (value === null || isObject(value)) return value;
  throw wrongType(name, 'an object', value);
}

function optionalArray(params: Params, name: string): readonly unknown[] {
  const value = params[name] ?? [];
  if (Array.isArray(value)) return value;
  throw wrongType(name, 'an array', value);
}

/** Objects only: anything else in the list is a 400 that names the element. */
export function objectArray(params: Params, name: string): readonly Params[] {
  return optionalArray(params, name).map((item, i) => {
    if (isObject(item)) return item;
    throw wrongType(`${name}[${i}]`, 'an object', item);
  });
}

/** Checks the documented limits: 16 pairs, keys up to 64 characters, values up to 512. */
export function readMetadata(params: Params): Record<string, string> | null {
  const given = optionalObject(params, 'metadata');
  if (given === null) return null;
  const entries = Object.entries(given);
  if (entries.length > 16) {
    throw badRequest(
      `Invalid 'metadata': too many properties. Expected an object with at most 16 properties, but got an object with ${entries.length} properties instead.`,
      'metadata',
      'object_above_max_properties',
    );
  }
  const metadata: Record<string, string> = {};
  for (const [key, value] of entries) {
    if (key.length > 64) throw tooLong(`metadata`, 'property name too long', 64, key.length);
    if (typeof value !== 'string') throw wrongType(`metadata.${key}`, 'a string', value);
    if (value.length > 512) throw tooLong(`metadata.${key}`, 'string too long', 512, value.length);
    metadata[key] = value;
  }
  return metadata;
}

function tooLong(param: string, what: string, most: number, length: number): Error {
  return badRequest(
    `Invalid '${param}': ${what}. Expected a string with maximum length ${most}, but got a string with length ${length} instead.`,
    param,
    'string_above_max_length',
  );
}
