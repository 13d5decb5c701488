import { badRequest, notFound } from './errors.ts';

/** A page of a list, as the API sends it. */
export interface Page<T> {
  object: 'list';
  data: T[];
  /** `null` on an empty page: so the real API answers, though its document says string. */
  first_id: string | null;
  last_id: string | null;
  has_more: boolean;
}

interface PageQuery {
  limit: number;
  order: 'asc' | 'desc';
  after: string | null;
  before: string | null;
}

function readPageQuery(query: URLSearchParams): PageQuery {
  const limitText = query.get('limit');
  const limit = limitText === null ? 20 : Number(limitText);
  if (!Number.isInteger(limit)) {
    throw badRequest(`Invalid 'limit': expected an integer.`, 'limit', 'invalid_type');
  }
  if (limit < 1) {
    throw badRequest(
      `Invalid 'limit': integer below minimum value. Expected a value >= 1, but got ${limit} instead.`,
      'limit',
      'integer_below_min_value',
    );
  }
  if (limit > 100) {
    throw badRequest(
      `Invalid 'limit': integer above maximum value. Expected a value <= 100, but got ${limit} instead.`,
      'limit',
      'integer_above_max_value',
    );
  }
  const order = query.get('order') ?? 'desc';
  if (order !== 'asc' && order !== 'desc') {
    throw badRequest(
      `Invalid value: '${order}'. Supported values are: 'asc' and 'desc'.`,
      'order',
      'invalid_value',
    );
  }
  return { limit, order, after: query.get('after'), before: query.get('before') };
}

/**
 * One page. `items` are in order of creation; `after` and `before` are ids that bound the page in the order
 * asked for, both exclusive. With `before` alone the page is the one next to it.
 */
export function paginate<T extends { readonly id: string }, R>(
  items: readonly T[],
  query: URLSearchParams,
  render: (item: T) => R,
): Page<R> {
  const { limit, order, after, before } = readPageQuery(query);
  const ordered = order === 'asc' ? items : items.toReversed();
  const start = after === null ? 0 : position(ordered, after) + 1;
  const end = before === null ? ordered.length : position(ordered, before);
  const backwards = before !== null && after === null;
  const from = backwards ? Math.max(start, end - limit) : start;
  const slice = ordered.slice(from, Math.min(end, from + limit));
  return {
    object: 'list',
    data: slice.map((item) => render(item)),
    first_id: slice[0]?.id ?? null,
    last_id: slice.at(-1)?.id ?? null,
    has_more: backwards ? from > start : from + slice.length < end,
  };
}

function position(items: readonly { readonly id: string }[], id: string): number {
  const index = items.findIndex((item) => item.id === id);
  if (index === -1) throw notFound(`No item found with id '${id}'.`);
  return index;
}
