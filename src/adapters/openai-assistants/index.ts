import * as z from 'zod';
import { ProviderFault } from '../../domain/fault.ts';
import type { RunTraits } from '../../domain/run.ts';
import type { ProviderRef, ProviderSnapshot, RunOutput } from '../../domain/snapshot.ts';
import type {
  GroupLooks,
  ProviderRequest,
  RequestProblem,
  RunProvider,
  ToolSubmission,
} from '../../ports/run-provider.ts';
import { type Answer, callApi } from '../openai-sdk/call.ts';
import type { OpenAiClient } from '../openai-sdk/client.ts';
import { messagesSchema, outputOf } from './output.ts';
import {
  assistantsRequest,
  canFind,
  laneOf,
  threadIdOf,
  toolOutputLimits,
  traitsOf,
  validateRequest,
} from './request.ts';
import { runSchema, snapshotOf } from './snapshot.ts';

/** A thread's newest runs, as many as one page may hold: those that are looked for are nearly always among them. */
const pageLimit = 100;

const runPage = z.looseObject({ data: z.array(runSchema) });

const goneMessage =
  'The Assistants API answered 404. OpenAI ended it on 2026-08-26: send this run with kind "responses", or point ' +
  'OPENAI_BASE_URL at a server that still has it. If yours has, check assistant_id and thread_id.';

/** Assistants runs, on servers that still have them: a run on a given thread, or on one created with it. */
export class AssistantsProvider implements RunProvider {
  readonly kind = 'assistants';
  readonly toolOutputLimits = toolOutputLimits;
  readonly groupLooks: GroupLooks = {
    groupOf: ({ threadId }) => threadId,
    mostRuns: 20,
    retrieveMany: (refs) => this.retrieveMany(refs),
  };
  private readonly client: OpenAiClient;

  constructor(client: OpenAiClient) {
    this.client = client;
  }

  async create(request: ProviderRequest, runId: string): Promise<ProviderSnapshot> {
    const { threadId, body } = assistantsRequest(request, runId);
    const options = { timeout: this.client.createTimeoutMs };
    const { threads } = this.client.sdk.beta;
    try {
      return snapshotOf(
        await callApi(
          this.client,
          () =>
            threadId === null
              ? threads.createAndRun(body, options)
              : threads.runs.create(threadId, body, options),
          runSchema,
        ),
      );
    } catch (error) {
      throw explainGone(error);
    }
  }

  async retrieve(ref: ProviderRef): Promise<ProviderSnapshot> {
    const { runs } = this.client.sdk.beta.threads;
    return snapshotOf(
      await callApi(this.client, () => runs.retrieve(ref.providerRunId, thread(ref)), runSchema),
    );
  }

  /** Those among the thread's newest runs. */
  private async retrieveMany(refs: readonly ProviderRef[]): Promise<ReadonlyMap<string, ProviderSnapshot>> {
    const wanted = new Set(refs.map(({ providerRunId }) => providerRunId));
    const query = { limit: pageLimit, order: 'desc' };
    const { data, pollAfterMs } = await this.list(refs[0]?.threadId ?? '', 'runs', query, runPage);
    const shown = data.data.filter(({ id }) => wanted.has(id));
    return new Map(shown.map((run) => [run.id, snapshotOf({ data: run, pollAfterMs })]));
  }

  async submit({ ref, outputs }: ToolSubmission): Promise<ProviderSnapshot> {
    const { runs } = this.client.sdk.beta.threads;
    const tool_outputs = outputs.map(({ toolCallId, output }) => ({ tool_call_id: toolCallId, output }));
    const options = { timeout: this.client.createTimeoutMs };
    return snapshotOf(
      await callApi(
        this.client,
        () => runs.submitToolOutputs(ref.providerRunId, { ...thread(ref), tool_outputs }, options),
        runSchema,
      ),
    );
  }

  async cancel(ref: ProviderRef): Promise<ProviderSnapshot> {
    const { runs } = this.client.sdk.beta.threads;
    return snapshotOf(
      await callApi(this.client, () => runs.cancel(ref.providerRunId, thread(ref)), runSchema),
    );
  }

  async fetchOutput(ref: ProviderRef): Promise<RunOutput> {
    const query = { run_id: ref.providerRunId, order: 'asc', limit: 100 };
    const answer = await this.list(ref.threadId ?? '', 'messages', query, messagesSchema);
    return outputOf(answer.data.data, ref.providerRunId);
  }

  canFind(request: ProviderRequest): boolean {
    return canFind(request);
  }

  async find(request: ProviderRequest, runId: string): Promise<ProviderSnapshot | null> {
    const threadId = threadIdOf(request);
    if (threadId === null) return null;
    try {
      const answer = await this.list(threadId, 'runs', { limit: pageLimit, order: 'desc' }, runPage);
      const run = answer.data.data.find(({ metadata }) => metadata?.['runfleet_id'] === runId);
      return run === undefined ? null : snapshotOf({ data: run, pollAfterMs: answer.pollAfterMs });
    } catch (error) {
      // No thread, no run on it.
      if (error instanceof ProviderFault && error.details.type === 'not_found') return null;
      throw error;
    }
  }

  /** The SDK's own lists take any answer for a page, an empty one: only the body itself tells. */
  private async list<T>(
    threadId: string,
    what: 'messages' | 'runs',
    query: Readonly<Record<string, unknown>>,
    schema: z.ZodType<T>,
  ): Promise<Answer<T>> {
    const path = `/threads/${encodeURIComponent(threadId)}/${what}`;
    const options = { query: { ...query }, headers: { 'OpenAI-Beta': 'assistants=v2' } };
    return await callApi(this.client, () => this.client.sdk.get(path, options), schema);
  }

  validate(request: ProviderRequest): readonly RequestProblem[] {
    return validateRequest(request);
  }

  laneOf(request: ProviderRequest): string | null {
    return laneOf(request);
  }

  traitsOf(request: ProviderRequest): RunTraits {
    return traitsOf(request);
  }
}

function thread(ref: ProviderRef): { thread_id: string } {
  return { thread_id: ref.threadId ?? '' };
}

function explainGone(error: unknown): unknown {
  if (!(error instanceof ProviderFault) || error.details.type !== 'not_found') return error;
  const message = `${goneMessage} The server said: ${error.details.message}`;
  return new ProviderFault({ ...error.details, message }, { cause: error });
}
