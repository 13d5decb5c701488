import { expect, it } from 'vitest';
import { snapshotOf } from '../../../../src/adapters/openai-responses/snapshot.ts';

const answer = (output: readonly unknown[], status = 'completed') =>
  snapshotOf({
    data: { id: 'resp_1', status, created_at: 1000, completed_at: 2000, output: [...output] },
    pollAfterMs: null,
  });

const aCall = (patch: object = {}) => ({
  type: 'function_call',
  call_id: 'call_1',
  name: 'add',
  arguments: '{}',
  ...patch,
});

it.each<[string, readonly unknown[], readonly string[] | undefined]>([
  ['functions', [aCall(), aCall({ call_id: 'call_2' })], ['call_1', 'call_2']],
  [
    'a function that was cut off: its answer is what is wrong with it',
    [aCall({ status: 'incomplete' })],
    ['call_1'],
  ],
  ['nothing', [{ type: 'message', content: [] }], undefined],
  ['a custom tool', [{ type: 'custom_tool_call', call_id: 'c', name: 'sql', input: 'x' }], undefined],
  ['an MCP approval', [{ type: 'mcp_approval_request', id: 'mcpr_1', name: 'rm' }], undefined],
  ['a function beside a custom tool', [aCall(), { type: 'custom_tool_call', call_id: 'c' }], undefined],
  [
    'a function beside a hosted shell, which has answered itself',
    [{ type: 'shell_call', call_id: 's' }, { type: 'shell_call_output', call_id: 's' }, aCall()],
    ['call_1'],
  ],
])('a response that ends with %s', (_what, output, ids) => {
  const snapshot = answer(output);
  expect(snapshot.toolCalls?.map(({ id }) => id)).toEqual(ids);
  expect(snapshot).toMatchObject({ phase: 'ended', output: { items: output } });
});

it('a response that is incomplete asks nothing', () => {
  expect(answer([aCall({ status: 'incomplete' })], 'incomplete')).not.toHaveProperty('toolCalls');
});
