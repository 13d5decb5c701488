/** Foreign data, checked as far as this client relies on it: a newer server may send more. */

import type { CallbackList, DurationList, Problem, Quota, Readiness, RunList, RunView } from './types.ts';

type Json = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isRun(value: unknown): value is RunView {
  return (
    isObject(value) &&
    value['object'] === 'runfleet.run' &&
    typeof value['id'] === 'string' &&
    typeof value['status'] === 'string'
  );
}

export function isRunList(value: unknown): value is RunList {
  if (!isObject(value) || !Array.isArray(value['data'])) return false;
  const cursor = value['next_cursor'];
  return value['data'].every(isRun) && (cursor === null || typeof cursor === 'string');
}

export function isCallbackList(value: unknown): value is CallbackList {
  if (!isObject(value) || !Array.isArray(value['data'])) return false;
  const cursor = value['next_cursor'];
  return (
    value['data'].every((one) => isObject(one) && typeof one['id'] === 'string') &&
    (cursor === null || typeof cursor === 'string')
  );
}

export function isDurationList(value: unknown): value is DurationList {
  if (!isObject(value) || !Array.isArray(value['data'])) return false;
  return value['data'].every(
    (one) =>
      isObject(one) &&
      typeof one['class'] === 'string' &&
      typeof one['p50_seconds'] === 'number' &&
      Array.isArray(one['histogram']),
  );
}

export function isQuota(value: unknown): value is Quota {
  return (
    isObject(value) && isObject(value['requests']) && isObject(value['tokens']) && isObject(value['classes'])
  );
}

export function isReadiness(value: unknown): value is Pick<Readiness, 'checks'> {
  if (!isObject(value) || !isObject(value['checks'])) return false;
  return Object.values(value['checks']).every((check) => isObject(check) && typeof check['ok'] === 'boolean');
}

/** Null when this is not a problem document. */
export function asProblem(value: unknown, status: number): Problem | null {
  if (!isObject(value)) return null;
  const { type, title, detail, errors } = value;
  if (typeof title !== 'string') return null;
  return {
    type: typeof type === 'string' ? type : 'about:blank',
    title,
    status,
    ...(typeof detail === 'string' ? { detail } : {}),
    ...(Array.isArray(errors) ? { errors: errors.filter(isFieldError) } : {}),
  };
}

export function parseProblem(text: string, status: number): Problem | null {
  try {
    return asProblem(JSON.parse(text), status);
  } catch {
    return null;
  }
}

function isFieldError(value: unknown): value is { pointer: string; detail: string } {
  return isObject(value) && typeof value['pointer'] === 'string' && typeof value['detail'] === 'string';
}
