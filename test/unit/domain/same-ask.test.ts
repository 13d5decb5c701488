import { describe, expect, it } from 'vitest';
import { askKey, distinctCalls, isSameAsk } from '../../../src/domain/same-ask.ts';
import type { ToolCall } from '../../../src/domain/snapshot.ts';

const call = (id: string, args = '{}'): ToolCall => ({ id, name: 'add', arguments: args });
const sent = (calls: readonly ToolCall[]) =>
  ({ callIds: calls.map(({ id }) => id), key: askKey(calls), atMs: 0, fate: 'taken' }) as const;

describe('an ask', () => {
  it.each<[string, readonly ToolCall[], readonly ToolCall[], boolean]>([
    ['is shown again', [call('1'), call('2')], [call('1'), call('2')], true],
    ['is shown again, with a call twice', [call('1')], [call('1'), call('1')], true],
    ['has another call', [call('1')], [call('2')], false],
    ['has one call more', [call('1')], [call('1'), call('2')], false],
    ['has the old ids and new arguments', [call('1', '{"a":1}')], [call('1', '{"a":2}')], false],
    ['asks nothing', [], [], false],
  ])('that %s', (_what, before, now, same) => {
    expect(isSameAsk(sent(before), now)).toBe(same);
  });

  it('of an older version is known by its ids', () => {
    const { key: _key, ...old } = sent([call('1')]);
    expect(isSameAsk(old, [call('1', '{"a":2}')])).toBe(true);
  });

  it('too large for the state is known by its names', () => {
    const large = [call('1', 'x'.repeat(5000))];
    expect(isSameAsk(sent([{ ...call('1'), arguments: '' }]), large)).toBe(true);
  });
});

it('a call that is there twice is one', () => {
  expect(distinctCalls([call('1'), call('2'), call('1')]).map(({ id }) => id)).toEqual(['1', '2']);
});
