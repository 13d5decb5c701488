/** Tool calls of the model, and the answers to them. */

import type { ToolCall, Usage } from './snapshot.ts';

export const toolModes = ['queue', 'http', 'manual'] as const;
/** Who answers a call: a worker of the queue `tools`, a URL, or whoever reads the run. */
export type ToolMode = (typeof toolModes)[number];

/** How calls of one tool are answered. */
export interface ToolRoute {
  readonly mode: ToolMode;
  /** Of mode `http`; null otherwise. */
  readonly url: string | null;
}

/** What a run says of its tools. */
export interface ToolRules {
  /**
   * Null: it says nothing. A run that asks then waits for whoever reads it (assistants), or ends with its calls in
   * its output (responses).
   */
  readonly routes: { readonly route: ToolRoute; readonly byName: Readonly<Record<string, ToolRoute>> } | null;
  readonly maxRounds: number;
  /** What an error does: the model is told and goes on, or the run ends. */
  readonly onError: 'report' | 'fail';
}

export const defaultMaxToolRounds = 20;

export const noToolRules: ToolRules = { routes: null, maxRounds: defaultMaxToolRounds, onError: 'report' };

const manual: ToolRoute = { mode: 'manual', url: null };

export function routeOf({ routes }: ToolRules, toolName: string): ToolRoute {
  if (routes === null) return manual;
  return Object.hasOwn(routes.byName, toolName) ? (routes.byName[toolName] ?? manual) : routes.route;
}

/** The codes that runfleet's own ways to answer a call use. */
export const toolErrorCodes = [
  'invalid_arguments',
  'unknown_tool',
  'tool_failed',
  'tool_timeout',
  'deadline_exceeded',
  'invalid_output',
  'output_too_large',
] as const;

/** Why a call has no output. Short: the model is told, and so is whoever reads the run. */
export interface ToolError {
  /** One of `toolErrorCodes`, or a word of a worker's own. */
  readonly code: string;
  readonly message: string;
}

export type ToolAnswer = { readonly output: string } | { readonly error: ToolError };

/** One call of one round of a run. Rounds count from 1. */
export interface ToolCallRef {
  readonly runId: string;
  readonly round: number;
  readonly toolCallId: string;
}

/** An answer, and when the call was worked on. Milliseconds since the epoch. */
export interface TimedAnswer {
  readonly answer: ToolAnswer;
  /** Null when nobody knows. */
  readonly startedAtMs: number | null;
  readonly endedAtMs: number;
}

/** What the provider is sent for one call. */
export interface ToolOutput {
  readonly toolCallId: string;
  readonly output: string;
}

/** What a provider takes, in bytes of UTF-8. */
export interface ToolOutputLimits {
  readonly eachBytes: number;
  /** Of all outputs of a round together. */
  readonly totalBytes: number;
}

/** A tool call that was answered, for the record. `result`: `ok`, or the code of its error. */
export type ToolNote = readonly [
  round: number,
  toolCallId: string,
  name: string,
  result: string,
  startedAtMs: number | null,
  endedAtMs: number,
];

/** Enough to see what a run did; little enough for a state that is rewritten at each step. */
export const mostToolNotes = 64;

/** The answer of a round, as it was sent to the same provider run. */
export interface SubmittedRound {
  readonly callIds: readonly string[];
  /** Of their names and arguments. Absent in states of older versions. */
  readonly key?: number;
  readonly atMs: number;
  /** `unknown`: its reply was lost, or is still awaited. */
  readonly fate: 'taken' | 'unknown' | 'refused';
}

/** How far a run is with its tools; absent until it asks for the first time. */
export interface ToolProgress {
  /** The latest round, from 1. */
  readonly round: number;
  /** Provider runs before the present one, oldest first: a response is answered by another. */
  readonly formerRunIds: readonly string[];
  /** The tokens of provider runs that asked and are over. */
  readonly formerUsage: Usage | null;
  /** Those of the latest of them: the next one reads them again. */
  readonly carriedTokens?: number;
  /** The provider may show an ask for a moment after its answer. */
  readonly submitted?: SubmittedRound;
  /** Where the text of a streamed response begins in the run's output, after that of those before it. */
  readonly output?: { readonly providerRunId: string; readonly offset: number };
  /** The latest calls that were answered. */
  readonly notes: readonly ToolNote[];
}

export const noToolProgress: ToolProgress = { round: 0, formerRunIds: [], formerUsage: null, notes: [] };

/** Since when a run waits for answers. */
export interface Asking {
  readonly sinceMs: number;
  /** The provider's run is over: another one takes the answers (responses). */
  readonly over?: true;
}

/** Arguments beyond this many characters are kept beside the run's state, not in it. */
const inlineArguments = 4096;

/** The calls as the state holds them. */
export function slimCalls(calls: readonly ToolCall[]): readonly ToolCall[] {
  const characters = calls.reduce((sum, { arguments: args }) => sum + args.length, 0);
  return characters <= inlineArguments ? calls : calls.map((call) => ({ ...call, arguments: '' }));
}

export function sumUsage(a: Usage | null, b: Usage | null): Usage | null {
  if (a === null || b === null) return a ?? b;
  return {
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    totalTokens: a.totalTokens + b.totalTokens,
  };
}

const mostErrorCharacters = 1000;

/** What the model reads instead of an output. */
export function errorOutput({ code, message }: ToolError): string {
  return JSON.stringify({
    error: { code: code.slice(0, 64), message: message.slice(0, mostErrorCharacters) },
  });
}
