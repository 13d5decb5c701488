/** What a run says of its tools. */

import * as z from 'zod';
import { defaultMaxToolRounds, type ToolRoute, type ToolRules, toolModes } from '../tools.ts';

const routeShape = {
  mode: z
    .enum(toolModes)
    .default('queue')
    .describe(
      'Who runs the tools that the model calls: `queue` the workers of the queue `tools`; `http` the `url`, by one signed ' +
        'POST a call; `manual` you, by POST /v1/runs/{id}/tool-outputs.',
    ),
  url: z
    .url({ protocol: /^https?$/ })
    .max(2048)
    .optional()
    .describe('For mode `http`: receives each tool call.'),
};
type RouteInput = z.output<z.ZodObject<typeof routeShape>>;

const hasUrl = ({ mode, url }: RouteInput): boolean => mode !== 'http' || url !== undefined;
const needsUrl = { path: ['url'], message: 'Mode `http` needs a url.' };

export const toolsInput = z
  .strictObject({
    ...routeShape,
    by_name: z
      .record(z.string().min(1).max(64), z.strictObject(routeShape).refine(hasUrl, needsUrl))
      .refine((routes) => Object.keys(routes).length <= 128, 'At most 128 tools.')
      .optional()
      .describe('For the tools named here, instead of the above.'),
  })
  .refine(hasUrl, needsUrl)
  .describe(
    'With it, runfleet has the tools answered and sends the model on, until it needs none. Without it, a run of kind ' +
      '`responses` ends with its calls in `output`, and one of kind `assistants` waits as in mode `manual`.',
  );

/** URLs that nobody would call. Jobs may hold such of old, so this is asked of new runs alone. */
export function strayUrls(tools: z.output<typeof toolsInput> | undefined): readonly string[][] {
  if (tools === undefined) return [];
  const named = Object.entries(tools.by_name ?? {}).map(
    ([name, route]) => [['by_name', name], route] as const,
  );
  return [[[], tools] as const, ...named].flatMap(([path, { mode, url }]) =>
    mode !== 'http' && url !== undefined ? [['tools', ...path, 'url']] : [],
  );
}

export const maxToolRounds = z
  .int()
  .min(0)
  .max(1000)
  .optional()
  .describe(
    `How often the model may ask for tools; then the run ends \`failed\`, code \`max_tool_rounds\`. Default ${defaultMaxToolRounds}.`,
  );

export const onToolError = z
  .enum(['report', 'fail'])
  .optional()
  .describe(
    'When a tool fails: `report`, the default, tells the model, in a short output, so that it can go on; `fail` ends the run `failed`, code ' +
      '`tool_failed`, and cancels it at the provider.',
  );

export function toolRulesOf(data: {
  readonly tools?: z.output<typeof toolsInput> | undefined;
  readonly max_tool_rounds?: number | undefined;
  readonly on_tool_error?: 'report' | 'fail' | undefined;
}): ToolRules {
  const { tools, max_tool_rounds: maxRounds, on_tool_error: onError } = data;
  const byName = Object.entries(tools?.by_name ?? {}).map(([name, route]) => [name, routeOf(route)] as const);
  return {
    routes: tools === undefined ? null : { route: routeOf(tools), byName: Object.fromEntries(byName) },
    maxRounds: maxRounds ?? defaultMaxToolRounds,
    onError: onError ?? 'report',
  };
}

function routeOf({ mode, url }: RouteInput): ToolRoute {
  return { mode, url: mode === 'http' ? (url ?? null) : null };
}
