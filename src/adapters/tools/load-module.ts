import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as z from 'zod';
import { type ArgumentsSchema, type Tool, type ToolSet } from './tool.ts';

/** The module cannot be loaded, or is none of tools. The message says what to do. */
export class ToolsModuleError extends Error {
  override readonly name = 'ToolsModuleError';
}

const maxTimeoutSeconds = 7 * 86_400;

const tool = z.strictObject({
  handler: z.custom<Tool['handler']>((value) => typeof value === 'function', 'must be a function'),
  parameters: z
    .custom<ArgumentsSchema>(isSchema, 'must be a zod schema (or another with "~standard")')
    .optional(),
  timeoutSeconds: z.number().positive().max(maxTimeoutSeconds).optional(),
});

/** The names that the providers allow for functions. */
const toolName = z
  .string()
  .regex(/^[\w-]{1,64}$/, 'a tool’s name has letters, digits, _ and - only, 64 at most');

const toolsModule = z.record(toolName, tool).refine((tools) => Object.keys(tools).length > 0, {
  message: 'the default export holds no tool',
});

/**
 * Loads the module that `RUNFLEET_TOOLS_MODULE` names: a file (`.ts` or `.js`) or a package, both as seen from `cwd`.
 * Its default export is `{ [toolName]: { handler, parameters?, timeoutSeconds? } }`. Throws `ToolsModuleError`.
 */
export async function loadToolsModule(specifier: string, cwd: string): Promise<ToolSet> {
  const found = await importFrom(specifier, cwd);
  const parsed = toolsModule.safeParse(found['default']);
  if (parsed.success) return new Map(Object.entries(parsed.data));
  const wrong =
    found['default'] === undefined
      ? ['  it has no default export']
      : parsed.error.issues.map(
          (issue) => `  ${issue.path.join('.') || 'default export'}: ${reasonOf(issue)}`,
        );
  throw new ToolsModuleError(
    `RUNFLEET_TOOLS_MODULE (${specifier}) is no module of tools:\n${wrong.join('\n')}\n` +
      'Its default export must be { toolName: { handler, parameters?, timeoutSeconds? } }; see docs/tools.md.',
  );
}

/** Why a name is wrong stands one level deeper. */
function reasonOf(issue: z.core.$ZodIssue): string {
  return issue.code === 'invalid_key' ? issue.issues.map(({ message }) => message).join('; ') : issue.message;
}

async function importFrom(specifier: string, cwd: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return await import(locate(specifier, cwd));
  } catch (error) {
    const reason = error instanceof Error ? `${error.message}${placeOf(error)}` : String(error);
    throw new ToolsModuleError(
      `RUNFLEET_TOOLS_MODULE (${specifier}) cannot be loaded from ${cwd}: ${reason}`,
      { cause: error },
    );
  }
}

/** Where it was thrown. Of broken JavaScript, Node keeps that to itself. */
function placeOf({ name, stack = '' }: Error): string {
  const place = /(?:^|file:\/\/)(\/[^():\s]+:\d+)/m.exec(stack)?.[1];
  if (place !== undefined && !place.startsWith(fileURLToPath(import.meta.url))) return ` (${place})`;
  return name === 'SyntaxError' ? '; "node --check" and the file say where' : '';
}

function locate(specifier: string, cwd: string): string {
  const file = resolve(cwd, specifier);
  if (specifier.startsWith('.') || isAbsolute(specifier) || existsSync(file)) return pathToFileURL(file).href;
  // A package of the project that the process was started in, not one of ours.
  return pathToFileURL(createRequire(join(cwd, 'package.json')).resolve(specifier)).href;
}

function isSchema(value: unknown): value is ArgumentsSchema {
  const isObject = (typeof value === 'object' && value !== null) || typeof value === 'function';
  if (!isObject || !('~standard' in value)) return false;
  const standard: unknown = value['~standard'];
  return typeof standard === 'object' && standard !== null && 'validate' in standard;
}
