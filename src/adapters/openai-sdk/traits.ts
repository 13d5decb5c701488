/** Reading names off a request that nobody has checked. */

/** More tools than this tell no more. */
const mostTools = 64;

/** A function's own name; of a built-in tool, its type. */
export function toolNamesOf(tools: unknown): unknown[] {
  if (!Array.isArray(tools)) return [];
  return tools
    .slice(0, mostTools)
    .map(
      (tool: unknown) =>
        fieldOf(tool, 'name') ?? fieldOf(fieldOf(tool, 'function'), 'name') ?? fieldOf(tool, 'type'),
    );
}

export function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return Object.entries(value).find(([key]) => key === name)?.[1];
}
