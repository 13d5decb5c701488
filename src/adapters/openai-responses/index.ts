import { ProviderFault } from '../../domain/fault.ts';
import type { RunTraits } from '../../domain/run.ts';
import type { ProviderRef, ProviderSnapshot } from '../../domain/snapshot.ts';
import type {
  ProviderRequest,
  RequestProblem,
  RunProvider,
  ToolSubmission,
} from '../../ports/run-provider.ts';
import { callApi } from '../openai-sdk/call.ts';
import type { OpenAiClient } from '../openai-sdk/client.ts';
import { responseSchema, snapshotOf } from './snapshot.ts';
import {
  canFind,
  createBody,
  followUp,
  laneOf,
  toolOutputLimits,
  traitsOf,
  validateRequest,
} from './request.ts';
import { ResponsesStreaming } from './streaming.ts';

/**
 * Background responses: `POST /responses` with `background` and `store`. By the SDK's plain calls: its own methods gather
 * the texts of each answer, and throw where a server leaves `output` out, as some do while a response is going.
 */
export class ResponsesProvider implements RunProvider {
  readonly kind = 'responses';
  readonly toolOutputLimits = toolOutputLimits;
  readonly streaming: ResponsesStreaming;
  private readonly client: OpenAiClient;

  constructor(client: OpenAiClient) {
    this.client = client;
    this.streaming = new ResponsesStreaming(client);
  }

  async create(request: ProviderRequest, runId: string): Promise<ProviderSnapshot> {
    return await this.send(request, runId);
  }

  async submit({ ref, outputs, request, runId }: ToolSubmission): Promise<ProviderSnapshot> {
    return await this.send(followUp(request, ref.providerRunId, outputs), runId);
  }

  private async send(request: ProviderRequest, runId: string): Promise<ProviderSnapshot> {
    const { sdk, createTimeoutMs } = this.client;
    const body = createBody(request, runId);
    return snapshotOf(
      await callApi(
        this.client,
        () => sdk.post('/responses', { body, timeout: createTimeoutMs }),
        responseSchema,
      ),
    );
  }

  async retrieve(ref: ProviderRef): Promise<ProviderSnapshot> {
    const path = `/responses/${encodeURIComponent(ref.providerRunId)}`;
    return snapshotOf(await callApi(this.client, () => this.client.sdk.get(path), responseSchema));
  }

  async cancel(ref: ProviderRef): Promise<ProviderSnapshot> {
    return snapshotOf(
      await callApi(this.client, () => this.client.sdk.responses.cancel(ref.providerRunId), responseSchema),
    );
  }

  fetchOutput(): Promise<never> {
    return Promise.reject(cannot('A response carries its own output.'));
  }

  canFind(): boolean {
    return canFind();
  }

  find(): Promise<never> {
    return Promise.reject(cannot('Responses cannot be listed.'));
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

function cannot(message: string): ProviderFault {
  return new ProviderFault({
    type: 'refused',
    code: 'unsupported',
    message,
    httpStatus: null,
    retryAfterMs: null,
  });
}
