import type { IncomingMessage } from 'node:http';
import * as z from 'zod';
import { type FaultType, ProviderFault } from '../../domain/fault.ts';
import type { ProviderRef, ProviderSnapshot } from '../../domain/snapshot.ts';
import type { ProviderRequest, ToolSubmission } from '../../ports/run-provider.ts';
import type {
  ProviderStream,
  StartedStream,
  StreamEvent,
  StreamingProvider,
} from '../../ports/run-stream.ts';
import { answerOf, redactedFault } from '../openai-sdk/call.ts';
import type { OpenAiClient } from '../openai-sdk/client.ts';
import { eventData } from '../openai-sdk/event-data.ts';
import { HeldAnswer } from '../openai-sdk/held-fetch.ts';
import { createBody, followUp } from './request.ts';
import { responseSchema, snapshotOf } from './snapshot.ts';

/** The parts of an event that we read. https://platform.openai.com/docs/api-reference/responses-streaming */
const numbered = z.looseObject({ type: z.string(), sequence_number: z.number().int() });
const textDelta = z.looseObject({ delta: z.string() });
const withResponse = z.looseObject({ response: responseSchema });

/** `POST /responses` with `stream`, and the same stream again with `starting_after`. */
export class ResponsesStreaming implements StreamingProvider {
  private readonly client: OpenAiClient;

  constructor(client: OpenAiClient) {
    this.client = client;
  }

  async submit({ ref, outputs, request, runId }: ToolSubmission): Promise<StartedStream> {
    return await this.create(followUp(request, ref.providerRunId, outputs), runId);
  }

  async create(request: ProviderRequest, runId: string): Promise<StartedStream> {
    const { heldSdk, createTimeoutMs } = this.client;
    const body = { ...createBody(request, runId), stream: true as const };
    const { response } = await answerOf(this.client, () =>
      heldSdk.responses.create(body, { timeout: createTimeoutMs }),
    );
    if (!(response instanceof HeldAnswer)) return { snapshot: await this.whole(response), stream: null };
    const stream = new ResponseStream(this.client, response);
    // The head of the answer says nothing of the response: its id comes with the first event.
    const late = setTimeout(() => stream.close(), createTimeoutMs);
    try {
      return { snapshot: await stream.first(), stream };
    } catch (error) {
      stream.close();
      throw error;
    } finally {
      clearTimeout(late);
    }
  }

  async resume(ref: ProviderRef, afterSeq: number): Promise<ProviderStream> {
    const { heldSdk } = this.client;
    const query = { stream: true, ...(afterSeq >= 0 ? { starting_after: afterSeq } : {}) } as const;
    const { response } = await answerOf(this.client, () =>
      heldSdk.responses.retrieve(ref.providerRunId, query),
    );
    if (!(response instanceof HeldAnswer)) throw fault('refused', 'The provider does not stream it again.');
    return new ResponseStream(this.client, response);
  }

  /** Answered as a create that asks for no stream: its id is not to be lost for that. */
  private async whole(response: Response): Promise<ProviderSnapshot> {
    const data = responseSchema.safeParse(await response.json().catch(() => null)).data;
    if (data === undefined) throw unclear('The answer is neither a stream nor a response.');
    return snapshotOf({ data, pollAfterMs: null });
  }
}

class ResponseStream implements ProviderStream {
  private readonly client: OpenAiClient;
  private readonly incoming: IncomingMessage;
  private readonly events: AsyncIterator<string>;
  private closed = false;

  constructor(client: OpenAiClient, response: HeldAnswer) {
    this.client = client;
    this.incoming = response.incoming.setEncoding('utf8');
    this.events = eventData(this.incoming, client.maxAnswerBytes);
  }

  close(): void {
    this.closed = true;
    this.incoming.destroy();
  }

  async first(): Promise<ProviderSnapshot> {
    const event = withResponse.safeParse(await this.next());
    if (!event.success) throw unclear('The stream did not begin with its response.');
    return snapshotOf({ data: event.data.response, pollAfterMs: null });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<StreamEvent, void, undefined> {
    try {
      for (let event = await this.next(); event !== null; event = await this.next()) yield readEvent(event);
    } finally {
      this.close();
    }
  }

  /** Null at the end. */
  private async next(): Promise<unknown> {
    try {
      const { done, value }: IteratorResult<string, unknown> = await this.events.next();
      return done === true || value === '[DONE]' ? null : JSON.parse(value);
    } catch (error) {
      // We hung up.
      if (this.closed) return null;
      throw redactedFault(this.client, error);
    }
  }
}

function readEvent(event: unknown): StreamEvent {
  const known = numbered.safeParse(event);
  if (!known.success) throw unclear('An event of the stream has no number.');
  const { type, sequence_number: seq } = known.data;
  if (type === 'error') throw unclear('The stream told of an error.');
  if (type === 'response.output_text.delta') {
    const { data } = textDelta.safeParse(event);
    return data === undefined ? { type: 'other', seq } : { type: 'text', seq, text: data.delta };
  }
  const response = type.startsWith('response.') ? withResponse.safeParse(event).data?.response : undefined;
  if (response === undefined) return { type: 'other', seq };
  const snapshot = snapshotOf({ data: response, pollAfterMs: null });
  if (snapshot.phase === 'ended') return { type: 'ended', seq, snapshot };
  return snapshot.status === 'unknown'
    ? { type: 'other', seq }
    : { type: 'status', seq, status: snapshot.status };
}

function unclear(message: string): ProviderFault {
  return fault('unclear', message);
}

function fault(type: FaultType, message: string): ProviderFault {
  return new ProviderFault({
    type,
    code: 'invalid_answer',
    message,
    httpStatus: null,
    retryAfterMs: null,
  });
}
