import type OpenAI from 'openai';

import { drawFate, drawLeg, inheritFate, readControls, responseOutcome } from '../controls.ts';
import type { Fate } from '../controls.ts';
import { badRequest, missingParameter, notFound } from '../errors.ts';
import { countCall } from '../ledger.ts';
import { paginate } from '../paging.ts';
import {
  isObject,
  objectArray,
  optionalBoolean,
  optionalObject,
  optionalString,
  readMetadata,
} from '../params.ts';
import type { Params } from '../params.ts';
import { endedAtMs, isTerminal, phaseAt, planCancel, planRun } from '../plan.ts';
import { estimateTokens } from '../text.ts';
import { unchecked } from '../unchecked.ts';
import type { Call, Reply, World } from '../world.ts';
import { checkToolOutputs, inputItems, outputCallIds, renderInputItems } from './input.ts';
import type { ResponseRecord } from './record.ts';
import { functionCalls, functionTools, renderResponse } from './render.ts';
import { streamOf } from './stream.ts';

function findResponse(world: World, call: Call): ResponseRecord {
  const id = call.params['response_id'] ?? '';
  const record = world.responses.get(id);
  if (record !== undefined) countCall(record, call.operation);
  if (record === undefined || isHidden(world, record, call.nowMs)) {
    throw notFound(`Response with id '${id}' not found.`);
  }
  return record;
}

/** Lost, or no longer kept because it was created with `store: false`. */
function isHidden(world: World, record: ResponseRecord, nowMs: number): boolean {
  const { phase, sinceMs } = phaseAt(record.plan, nowMs);
  if (phase === 'lost') return true;
  return !record.store && isTerminal(phase) && nowMs - sinceMs >= world.options.unstoredKeepSeconds * 1000;
}

export function retrieveResponse(world: World, call: Call): Reply {
  const record = findResponse(world, call);
  const endedAt = endedAtMs(record.plan, call.nowMs);
  if (endedAt !== null && call.nowMs - endedAt < world.faults.notFoundAfterEndMs) {
    throw notFound(`Response with id '${record.id}' not found.`);
  }
  const body = renderResponse(record, call.nowMs);
  if (call.query.get('stream') !== 'true') return { body, unfinished: endedAt === null };
  if (!record.streamed || !record.background) {
    throw badRequest(
      'This response cannot be streamed because it was not created with background=true and stream=true.',
      'stream',
      'invalid_value',
    );
  }
  return { body, stream: streamOf(record, readStartingAfter(call), world.options.streamDeltaCharacters) };
}

function readStartingAfter({ query }: Call): number {
  const text = query.get('starting_after');
  if (text === null) return -1;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw badRequest(
    "Invalid 'starting_after': expected a whole number, 0 or more.",
    'starting_after',
    'invalid_value',
  );
}

export function cancelResponse(world: World, call: Call): Reply {
  const record = findResponse(world, call);
  if (!record.background) throw badRequest('Cannot cancel a synchronous response.');
  if (endedAtMs(record.plan, call.nowMs) === null) {
    const cancel = { nowMs: call.nowMs, cancellingMs: 0, revivesAfterMs: world.revivesAfterMs() };
    world.replan(record, planCancel(record.plan, cancel));
  }
  return { body: renderResponse(record, call.nowMs) };
}

export function deleteResponse(world: World, call: Call): Reply {
  const record = findResponse(world, call);
  world.dropResponse(record);
  world.ledger.dropped(record, call.nowMs);
  return { body: { id: record.id, object: 'response', deleted: true } };
}

export function listInputItems(world: World, call: Call): Reply {
  const record = findResponse(world, call);
  const items = renderInputItems(record.id, inputItems(record.request));
  const withIds = items.map((item) => ({ id: unchecked<{ id: string }>(item).id, item }));
  return { body: paginate(withIds, call.query, ({ item }) => item) };
}

export function createResponse(world: World, call: Call): Reply {
  const { body, nowMs } = call;
  world.sweep(nowMs);
  const { controls, answers, answeredCalls, ...kept } = readCreate(world, call);
  // From here on nothing is refused: a create that fails must not use up a run's number.
  const random = answers?.random ?? world.nextRunRandom();
  const drawn =
    answers === null
      ? drawFate(controls, world.options.endings, random)
      : inheritFate(answers.fate, controls);
  const canCall = functionTools({ tools: kept.tools, request: body }).length > 0;
  // A client that keeps no state at the server sends its earlier calls and outputs along.
  const answered = answers === null ? Math.floor(answeredCalls / (controls.toolCalls ?? 1)) : 0;
  const fate: Fate = { ...drawn, toolRounds: canCall ? Math.max(0, drawn.toolRounds - answered) : 0 };
  const record: ResponseRecord = {
    ...kept,
    kind: 'responses',
    id: world.newId('resp'),
    runfleetId: kept.metadata['runfleet_id'] ?? null,
    // A new turn in a conversation continues nothing that a repeated create would not continue too.
    previousId: answers?.id ?? optionalString(body, 'previous_response_id'),
    plan: planRun({
      nowMs,
      ...drawLeg(fate.controls, world.options, random),
      expiresAfterMs: Infinity,
      outcome: fate.toolRounds > 0 ? 'completed' : responseOutcome(fate.ending),
    }),
    calls: { 'responses.create': 1 },
    fate,
    random,
    request: body,
  };
  world.responses.set(record.id, record);
  if (record.conversationId !== null) world.conversations.set(record.conversationId, record);
  world.planned(record);
  if (record.streamed) {
    const stream = streamOf(record, -1, world.options.streamDeltaCharacters);
    return { body: renderResponse(record, nowMs), stream };
  }
  if (record.background) return { body: renderResponse(record, nowMs) };
  return { readyAtMs: record.plan.legEndsAtMs, render: (laterMs) => renderResponse(record, laterMs) };
}

/** Everything about a create that can be wrong, checked. */
function readCreate(world: World, { body, nowMs }: Call) {
  const hasPrompt = optionalObject(body, 'prompt') !== null;
  if (optionalString(body, 'model') === null && !hasPrompt) throw missingParameter('model');
  const metadata = readMetadata(body) ?? {};
  const conversationId = readConversationId(body);
  const previous = findPrevious(world, body, conversationId, nowMs);
  const items = inputItems(body);
  if (items.length === 0 && previous === null && !hasPrompt) throw missingParameter('input');
  const pending = previous === null ? [] : pendingCalls(previous, nowMs);
  checkToolOutputs(
    items,
    pending.map((functionCall) => functionCall.call_id),
  );
  return {
    metadata,
    controls: readControls(metadata),
    conversationId,
    /** The response whose function calls this one answers. */
    answers: pending.length > 0 ? previous : null,
    answeredCalls: outputCallIds(items).length,
    tools: readTools(body),
    background: optionalBoolean(body, 'background', false),
    store: optionalBoolean(body, 'store', true),
    streamed: optionalBoolean(body, 'stream', false),
    inputTokens: inputTokens(body, items),
  };
}

/** The calls that the next response must bring the outputs of. */
function pendingCalls(previous: ResponseRecord, nowMs: number) {
  return phaseAt(previous.plan, nowMs).phase === 'completed' ? functionCalls(previous) : [];
}

function readConversationId(body: Params): string | null {
  const given = body['conversation'];
  return isObject(given) ? optionalString(given, 'id') : optionalString(body, 'conversation');
}

function findPrevious(
  world: World,
  body: Params,
  conversationId: string | null,
  nowMs: number,
): ResponseRecord | null {
  const previousId = optionalString(body, 'previous_response_id');
  if (conversationId !== null) {
    if (previousId !== null) {
      throw badRequest(
        `Mutually exclusive parameters: Ensure you are only providing one of: 'previous_response_id' or 'conversation'.`,
        undefined,
        'mutually_exclusive_parameters',
      );
    }
    const latest = world.conversations.get(conversationId) ?? null;
    if (latest !== null && endedAtMs(latest.plan, nowMs) === null) {
      throw badRequest(
        'Another process is currently operating on this conversation. Please retry in a few seconds.',
        undefined,
        'conversation_locked',
      );
    }
    return latest;
  }
  if (previousId === null) return null;
  const previous = world.responses.get(previousId);
  if (previous === undefined || isHidden(world, previous, nowMs)) {
    throw badRequest(
      `Previous response with id '${previousId}' not found.`,
      'previous_response_id',
      'previous_response_not_found',
    );
  }
  if (endedAtMs(previous.plan, nowMs) === null) {
    throw badRequest(`Previous response with id '${previousId}' has not ended.`, 'previous_response_id');
  }
  return previous;
}

/** Function tools are echoed with their defaults filled in, other tools as they were sent. */
function readTools(body: Params): OpenAI.Responses.Tool[] {
  return objectArray(body, 'tools').map((tool, i) =>
    tool['type'] === 'function' ? functionTool(tool, i) : unchecked<OpenAI.Responses.Tool>(tool),
  );
}

function functionTool(tool: Params, index: number): OpenAI.Responses.FunctionTool {
  const name = optionalString(tool, 'name');
  if (name === null) throw missingParameter(`tools[${index}].name`);
  const parameters = optionalObject(tool, 'parameters');
  return { description: null, strict: true, ...tool, type: 'function', name, parameters };
}

function inputTokens(body: Params, items: readonly Params[]): number {
  const instructions = optionalString(body, 'instructions')?.length ?? 0;
  return estimateTokens(instructions + JSON.stringify(items).length);
}
