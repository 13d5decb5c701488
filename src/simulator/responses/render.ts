import type OpenAI from 'openai';

import type { Params } from '../params.ts';
import { isObject } from '../params.ts';
import { phaseAt, wholeSeconds } from '../plan.ts';
import type { Phase } from '../plan.ts';
import { sampleOf } from '../sample.ts';
import { derivedId, estimateTokens, excerpt } from '../text.ts';
import { unchecked } from '../unchecked.ts';
import { inputItems, lastUserText } from './input.ts';
import type { ResponseBody, ResponseRecord } from './record.ts';

type ResponseStatus = OpenAI.Responses.ResponseStatus;

const ERROR_MESSAGES: Readonly<Record<string, string>> = {
  server_error: 'The server had an error while processing your request. Sorry about that!',
  rate_limit_exceeded: 'You have exceeded your rate limit. Please try again later.',
  invalid_prompt: 'The prompt was refused.',
};

export function errorMessage(code: string): string {
  return ERROR_MESSAGES[code] ?? `The run failed: ${code}.`;
}

/** The functions that the model may call. */
export function functionTools(record: Pick<ResponseRecord, 'tools' | 'request'>) {
  return record.request['tool_choice'] === 'none'
    ? []
    : record.tools.filter((tool) => tool.type === 'function');
}

/** The function calls that the response ends with; none unless it stops for tools. */
export function functionCalls(record: ResponseRecord): OpenAI.Responses.ResponseFunctionToolCall[] {
  const tools = functionTools(record);
  const { controls, toolRounds } = record.fate;
  if (toolRounds <= 0 || tools.length === 0) return [];
  return Array.from({ length: controls.toolCalls ?? 1 }, (_, i) => {
    const tool = tools[i % tools.length];
    return {
      type: 'function_call',
      id: derivedId('fc', record.id, i),
      call_id: derivedId('call', record.id, i),
      name: tool?.name ?? '',
      arguments: controls.toolArguments ?? JSON.stringify(sampleOf(tool?.parameters) ?? {}),
      status: 'completed',
    } satisfies OpenAI.Responses.ResponseFunctionToolCall;
  });
}

function outputText(record: ResponseRecord): string {
  if (record.fate.controls.output !== null) return record.fate.controls.output;
  const text = record.request['text'];
  const format = isObject(text) && isObject(text['format']) ? text['format'] : {};
  if (format['type'] === 'json_schema') return JSON.stringify(sampleOf(format['schema']));
  const asked = excerpt(lastUserText(inputItems(record.request)));
  const answer = asked === '' ? 'The simulator’s answer.' : `The simulator’s answer to “${asked}”.`;
  return format['type'] === 'json_object' ? JSON.stringify({ answer }) : answer;
}

function message(
  record: ResponseRecord,
  status: 'completed' | 'incomplete',
): OpenAI.Responses.ResponseOutputMessage {
  const text = outputText(record);
  return {
    type: 'message',
    id: derivedId('msg', record.id, 0),
    status,
    role: 'assistant',
    content: [
      {
        type: 'output_text',
        text: status === 'completed' ? text : text.slice(0, Math.ceil(text.length / 2)),
        annotations: [],
        logprobs: [],
      },
    ],
  };
}

function output(record: ResponseRecord, phase: Phase): OpenAI.Responses.ResponseOutputItem[] {
  if (phase === 'incomplete') return [message(record, 'incomplete')];
  if (phase !== 'completed') return [];
  const calls = functionCalls(record);
  return calls.length > 0 ? calls : [message(record, 'completed')];
}

function usage(inputTokens: number, items: ResponseBody['output']): OpenAI.Responses.ResponseUsage {
  const characters = items.reduce((sum, item) => sum + writtenCharacters(item), 0);
  const outputTokens = estimateTokens(characters);
  return {
    input_tokens: inputTokens,
    input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 },
    output_tokens: outputTokens,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: inputTokens + outputTokens,
  };
}

function writtenCharacters(item: ResponseBody['output'][number]): number {
  if (item.type === 'function_call') return item.name.length + item.arguments.length;
  if (item.type !== 'message') return 0;
  return item.content.reduce((sum, part) => sum + (part.type === 'output_text' ? part.text.length : 0), 0);
}

/** `sim_status` may name a status that the API does not know: that is its purpose. */
function shownStatus(record: ResponseRecord, phase: Phase): ResponseStatus {
  const override = record.fate.controls.status;
  if (phase === 'in_progress' && override !== null) return unchecked<ResponseStatus>(override);
  return unchecked<ResponseStatus>(phase);
}

function failure(record: ResponseRecord, phase: Phase): OpenAI.Responses.ResponseError | null {
  if (phase !== 'failed') return null;
  const code = record.fate.controls.errorCode ?? 'server_error';
  return { code: unchecked<OpenAI.Responses.ResponseError['code']>(code), message: errorMessage(code) };
}

type IncompleteReason = NonNullable<OpenAI.Responses.Response.IncompleteDetails['reason']>;

function incompleteDetails(record: ResponseRecord, phase: Phase): ResponseBody['incomplete_details'] {
  if (phase !== 'incomplete') return null;
  return { reason: unchecked<IncompleteReason>(record.fate.controls.errorCode ?? 'max_output_tokens') };
}

/** What the answer repeats of the request, with the API's defaults. The service has checked none of it. */
function echo(request: Params) {
  const sent = unchecked<Partial<OpenAI.Responses.ResponseCreateParams>>(request);
  return {
    instructions: sent.instructions ?? null,
    max_output_tokens: sent.max_output_tokens ?? null,
    max_tool_calls: sent.max_tool_calls ?? null,
    model: sent.model ?? 'simulated',
    parallel_tool_calls: sent.parallel_tool_calls ?? true,
    previous_response_id: sent.previous_response_id ?? null,
    prompt: sent.prompt ?? null,
    reasoning: { effort: null, summary: null, ...sent.reasoning },
    safety_identifier: sent.safety_identifier ?? null,
    service_tier: 'default',
    temperature: sent.temperature ?? 1,
    text: { ...sent.text, format: sent.text?.format ?? { type: 'text' } },
    tool_choice: sent.tool_choice ?? 'auto',
    top_logprobs: sent.top_logprobs ?? 0,
    top_p: sent.top_p ?? 1,
    truncation: sent.truncation ?? 'disabled',
  } satisfies Partial<ResponseBody>;
}

/** The response as it looks at `nowMs`. */
export function renderResponse(record: ResponseRecord, nowMs: number): ResponseBody {
  const { phase, sinceMs } = phaseAt(record.plan, nowMs);
  const items = output(record, phase);
  return {
    id: record.id,
    object: 'response',
    created_at: wholeSeconds(record.plan.createdAtMs),
    status: shownStatus(record, phase),
    background: record.background,
    completed_at: phase === 'completed' ? wholeSeconds(sinceMs) : null,
    error: failure(record, phase),
    incomplete_details: incompleteDetails(record, phase),
    output: items,
    access_programs: null,
    conversation: record.conversationId === null ? null : { id: record.conversationId },
    metadata: record.metadata,
    store: record.store,
    tools: record.tools,
    ...echo(record.request),
    ...(items.length > 0 ? { usage: usage(record.inputTokens, items) } : {}),
  } satisfies ResponseBody;
}
