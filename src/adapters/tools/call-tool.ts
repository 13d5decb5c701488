import { Buffer } from 'node:buffer';
import type { ToolAnswer } from '../../domain/tools.ts';
import type { SchemaIssue, Tool } from './tool.ts';

/** Why a call is given up while its handler runs: the `reason` of the handler's AbortSignal. */
export class ToolAborted extends Error {
  override readonly name = 'ToolAborted';
  readonly code: 'tool_timeout' | 'deadline_exceeded' | 'withdrawn' | 'shutdown';

  constructor(code: ToolAborted['code'], message: string) {
    super(message);
    this.code = code;
  }
}

export interface CallOfTool {
  readonly runId: string;
  readonly toolCallId: string;
  /** The model's text. */
  readonly arguments: string;
}

export interface CallLimits {
  /** Null: none. */
  readonly deadlineInMs: number | null;
  /** UTF-8. */
  readonly maxOutputBytes: number;
}

export const defaultTimeoutSeconds = 300;
/** What the model is told of an error. */
const maxMessageLength = 300;

/**
 * Runs a handler and never fails: whatever goes wrong is an answer. Returns as soon as `signal` is aborted, also when
 * the handler ignores it.
 */
export async function callTool(
  tool: Tool,
  call: CallOfTool,
  limits: CallLimits,
  signal: AbortSignal,
): Promise<ToolAnswer> {
  const clock = new AbortController();
  const either = AbortSignal.any([signal, clock.signal]);
  const timers = startTimers(tool.timeoutSeconds ?? defaultTimeoutSeconds, limits.deadlineInMs, clock);
  try {
    return await Promise.race([answerOf(tool, call, limits, either), whenAborted(either)]);
  } finally {
    for (const timer of timers) clearTimeout(timer);
  }
}

function startTimers(
  timeoutSeconds: number,
  deadlineInMs: number | null,
  clock: AbortController,
): NodeJS.Timeout[] {
  const after = (ms: number, reason: ToolAborted): NodeJS.Timeout =>
    setTimeout(() => clock.abort(reason), Math.max(0, ms));
  const late = new ToolAborted('tool_timeout', `The tool did not answer within ${timeoutSeconds} s.`);
  if (deadlineInMs === null) return [after(timeoutSeconds * 1000, late)];
  const over = new ToolAborted('deadline_exceeded', 'The run’s time was over before the tool answered.');
  // At once: a timer of no time would still let the handler start.
  if (deadlineInMs <= 0) clock.abort(over);
  return [after(timeoutSeconds * 1000, late), after(deadlineInMs, over)];
}

async function whenAborted(signal: AbortSignal): Promise<ToolAnswer> {
  if (!signal.aborted)
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  const reason: unknown = signal.reason;
  return failure(reason instanceof ToolAborted ? reason.code : 'tool_aborted', messageOf(reason));
}

async function answerOf(
  tool: Tool,
  call: CallOfTool,
  limits: CallLimits,
  signal: AbortSignal,
): Promise<ToolAnswer> {
  const read = await readArguments(tool, call.arguments);
  if ('error' in read) return read;
  // Given up meanwhile: the handler is not even started.
  if (signal.aborted) return await whenAborted(signal);
  const { runId, toolCallId } = call;
  try {
    const result = await tool.handler(read.args, { signal, toolCallId, runId });
    return outputOf(result, limits.maxOutputBytes);
  } catch (error) {
    return failure('tool_failed', messageOf(error));
  }
}

async function readArguments(
  { parameters }: Tool,
  text: string,
): Promise<{ readonly args: unknown } | Extract<ToolAnswer, { error: unknown }>> {
  let given: unknown;
  try {
    // Some models write nothing where there are no arguments.
    given = text.trim() === '' ? {} : JSON.parse(text);
  } catch {
    return failure('invalid_arguments', 'The arguments are not JSON.');
  }
  if (parameters === undefined) return { args: given };
  try {
    const { issues, value } = await parameters['~standard'].validate(given);
    return issues === undefined ? { args: value } : failure('invalid_arguments', issuesText(issues));
  } catch (error) {
    return failure('invalid_arguments', `The arguments could not be checked: ${messageOf(error)}`);
  }
}

function outputOf(result: unknown, maxBytes: number): ToolAnswer {
  let output: string | undefined;
  try {
    output = typeof result === 'string' ? result : JSON.stringify(result);
  } catch (error) {
    return failure('invalid_output', `The tool returned what is no JSON: ${messageOf(error)}`);
  }
  if (output === undefined)
    return failure(
      'invalid_output',
      `The tool returned ${typeof result}; it must be a text or a JSON value.`,
    );
  const bytes = Buffer.byteLength(output);
  if (bytes <= maxBytes) return { output };
  return failure('output_too_large', `The tool’s output has ${bytes} bytes; ${maxBytes} are allowed.`);
}

function issuesText(issues: readonly SchemaIssue[]): string {
  return issues.map(({ path = [], message }) => [...pathText(path), message].join(': ')).join('; ');
}

function pathText(path: NonNullable<SchemaIssue['path']>): string[] {
  const parts = path.map((part) => String(typeof part === 'object' ? part.key : part));
  return parts.length === 0 ? [] : [parts.join('.')];
}

/** Its first line, and never a stack. Anything can be thrown. */
function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message.split('\n', 1)[0] ?? '';
  return typeof error === 'string' ? (error.split('\n', 1)[0] ?? '') : `It threw ${typeof error}.`;
}

export function failure(
  code: string,
  message: string,
): { readonly error: { code: string; message: string } } {
  const short = message.length > maxMessageLength ? `${message.slice(0, maxMessageLength - 1)}…` : message;
  return { error: { code, message: short } };
}
