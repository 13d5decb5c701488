/** Every operation that the simulator serves, by the name used in faults and in the ledger. */
export const OPERATIONS = [
  'responses.create',
  'responses.retrieve',
  'responses.cancel',
  'responses.delete',
  'responses.input_items',
  'assistants.create',
  'assistants.retrieve',
  'threads.create',
  'threads.retrieve',
  'messages.create',
  'messages.list',
  'runs.create',
  'runs.create_with_thread',
  'runs.list',
  'runs.retrieve',
  'runs.cancel',
  'runs.submit_tool_outputs',
  'run_steps.list',
] as const;

export type Operation = (typeof OPERATIONS)[number];

interface Route {
  operation: Operation;
  /** Path parameters by name. */
  params: Readonly<Record<string, string>>;
}

/** Paths after `/v1`; `:name` stands for one segment. */
const TABLE: readonly [method: string, path: string, operation: Operation][] = [
  ['POST', '/responses', 'responses.create'],
  ['GET', '/responses/:response_id', 'responses.retrieve'],
  ['DELETE', '/responses/:response_id', 'responses.delete'],
  ['POST', '/responses/:response_id/cancel', 'responses.cancel'],
  ['GET', '/responses/:response_id/input_items', 'responses.input_items'],
  ['POST', '/assistants', 'assistants.create'],
  ['GET', '/assistants/:assistant_id', 'assistants.retrieve'],
  ['POST', '/threads', 'threads.create'],
  // Before `/threads/:thread_id`, which would take "runs" for an id.
  ['POST', '/threads/runs', 'runs.create_with_thread'],
  ['GET', '/threads/:thread_id', 'threads.retrieve'],
  ['POST', '/threads/:thread_id/messages', 'messages.create'],
  ['GET', '/threads/:thread_id/messages', 'messages.list'],
  ['POST', '/threads/:thread_id/runs', 'runs.create'],
  ['GET', '/threads/:thread_id/runs', 'runs.list'],
  ['GET', '/threads/:thread_id/runs/:run_id', 'runs.retrieve'],
  ['POST', '/threads/:thread_id/runs/:run_id/cancel', 'runs.cancel'],
  ['POST', '/threads/:thread_id/runs/:run_id/submit_tool_outputs', 'runs.submit_tool_outputs'],
  ['GET', '/threads/:thread_id/runs/:run_id/steps', 'run_steps.list'],
];

const COMPILED = TABLE.map(([method, path, operation]) => ({
  method,
  operation,
  segments: path.split('/').slice(1),
}));

/** The operation of a request, or `null` for an unknown URL. `path` comes without the query string. */
export function matchRoute(method: string, path: string): Route | null {
  if (!path.startsWith('/v1/')) return null;
  const given = path.slice('/v1/'.length).split('/');
  for (const { method: wanted, segments, operation } of COMPILED) {
    if (wanted !== method || segments.length !== given.length) continue;
    const params: Record<string, string> = {};
    const matches = segments.every((segment, i) => {
      const value = given[i] ?? '';
      if (!segment.startsWith(':')) return segment === value;
      params[segment.slice(1)] = value;
      return value !== '';
    });
    if (matches) return { operation, params };
  }
  return null;
}

/** Does the operation belong to the Assistants API (`beta.*` in the SDK)? */
export function isAssistantsOperation(operation: Operation): boolean {
  return !operation.startsWith('responses.');
}
