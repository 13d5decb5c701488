import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { bodyHash, canonicalJson, isDeeperThan, parseJson } from '../../../src/http/json-body.ts';

/** The same, with every object's keys in the opposite order. */
function turned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(turned);
  if (typeof value !== 'object' || value === null) return value;
  // Through JSON, so that `__proto__` is a key like any other.
  const members = Object.entries(value)
    .toReversed()
    .map(([key, item]) => `${JSON.stringify(key)}:${JSON.stringify(turned(item))}`);
  return JSON.parse(`{${members.join(',')}}`);
}

const json = fc.jsonValue({ maxDepth: 6 }).map((value): unknown => JSON.parse(JSON.stringify(value)));

test('the order of keys makes no difference to the hash', () => {
  fc.assert(
    fc.property(json, (value) => {
      expect(bodyHash(turned(value))).toBe(bodyHash(value));
    }),
  );
});

test('the canonical form means the same', () => {
  fc.assert(
    fc.property(json, (value) => {
      expect(JSON.parse(canonicalJson(value))).toEqual(value);
    }),
  );
});

test('the canonical form tells apart what differs', () => {
  const bodies = [
    '{}',
    '[]',
    '{"a":1}',
    '{"a":"1"}',
    '{"a":[1]}',
    '{"a":null}',
    '{"__proto__":{}}',
    '{"a":{}}',
  ];
  expect(new Set(bodies.map((text) => bodyHash(JSON.parse(text)))).size).toBe(bodies.length);
});

test('white space makes no difference', () => {
  expect(bodyHash(parseJson(Buffer.from('{ "a" : [ 1 ] }\n')))).toBe(bodyHash({ a: [1] }));
});

test('text is no level deep', () => {
  expect(isDeeperThan('text', 0)).toBe(false);
});

test.for([
  [[], 1],
  [{ a: [] }, 2],
  [[{ a: 1 }, [[]]], 3],
] as const)('%j is %d levels deep', ([value, levels]) => {
  expect(isDeeperThan(value, levels)).toBe(false);
  expect(isDeeperThan(value, levels - 1)).toBe(true);
});

test('a complaint about JSON does not repeat it', () => {
  expect(() => parseJson(Buffer.from('{"key": SECRET}'))).toThrow(/^The body is not JSON[^S]*$/);
});
