import type OpenAI from 'openai';
import * as z from 'zod';
import { traitsOfSeen } from '../../domain/polling/class-key.ts';
import type { RunTraits } from '../../domain/run.ts';
import type { ToolOutputLimits } from '../../domain/tools.ts';
import type { ProviderRequest, RequestProblem } from '../../ports/run-provider.ts';
import { metadataProblems } from '../openai-sdk/metadata.ts';
import { toolNamesOf } from '../openai-sdk/traits.ts';

/** All outputs of one submit: 512 KiB, less the JSON around them. https://platform.openai.com/docs/assistants/tools/function-calling */
export const toolOutputLimits: ToolOutputLimits = { eachBytes: 500 * 1024, totalBytes: 500 * 1024 };

type CreateBody = OpenAI.Beta.Threads.RunCreateParamsNonStreaming &
  OpenAI.Beta.ThreadCreateAndRunParamsNonStreaming;

/** The request as its endpoint wants it: the thread's id belongs in the path, our id in the metadata. */
export function assistantsRequest(
  request: ProviderRequest,
  runId: string,
): { threadId: string | null; body: CreateBody } {
  const { thread_id: _threadId, ...rest } = request;
  const metadata = z.record(z.string(), z.string()).safeParse(request['metadata']).data ?? {};
  const assistantId = typeof request['assistant_id'] === 'string' ? request['assistant_id'] : '';
  const body = { ...rest, assistant_id: assistantId, metadata: { ...metadata, runfleet_id: runId } };
  return { threadId: threadIdOf(request), body };
}

export function threadIdOf(request: ProviderRequest): string | null {
  const id = request['thread_id'];
  return typeof id === 'string' && id !== '' ? id : null;
}

/** Only what would certainly fail, or break the way that runfleet follows a run. */
export function validateRequest(request: ProviderRequest): readonly RequestProblem[] {
  const problems: RequestProblem[] = [...metadataProblems(request['metadata'])];
  const { assistant_id: assistantId, thread_id: threadId, thread, stream } = request;
  if (typeof assistantId !== 'string' || assistantId === '') {
    problems.push({ path: ['assistant_id'], message: 'The id of the assistant, a string.' });
  }
  if (threadId !== undefined && (typeof threadId !== 'string' || !/^[\w-]{1,128}$/.test(threadId))) {
    problems.push({
      path: ['thread_id'],
      message: 'The id of a thread, a string; leave it out to create one.',
    });
  }
  if (threadId !== undefined && thread !== undefined) {
    problems.push({ path: ['thread'], message: 'Either thread_id or thread, not both.' });
  }
  if (stream !== undefined && stream !== false && stream !== null) {
    problems.push({ path: ['stream'], message: 'Not offered for assistants runs: leave it out.' });
  }
  return problems;
}

/** One thread takes one run at a time (400 `already has an active run` otherwise). */
export function laneOf(request: ProviderRequest): string | null {
  return threadIdOf(request);
}

/** The assistant, and what the run overrides of it. */
export function traitsOf(request: ProviderRequest): RunTraits {
  return traitsOfSeen({
    model: request['model'],
    reasoningEffort: request['reasoning_effort'],
    template: request['assistant_id'],
    toolNames: toolNamesOf(request['tools']),
  });
}

/** A thread lists its runs. */
export function canFind(request: ProviderRequest): boolean {
  return threadIdOf(request) !== null;
}
