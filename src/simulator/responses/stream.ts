/** What a streamed response says, and when: laid out from its plan, like everything that it will do. */

import type OpenAI from 'openai';

import type { StreamFeed, TimedEvent } from '../world.ts';
import type { ResponseBody, ResponseRecord } from './record.ts';
import { renderResponse } from './render.ts';

/** Numbered and timed when it is its turn. */
type Draft = Readonly<Record<string, unknown>> & { readonly type: string };
type Item = ResponseBody['output'][number];

/** The events after number `startingAfter`; -1 for all. */
export function streamOf(
  record: ResponseRecord,
  startingAfter: number,
  charactersPerDelta: number,
): StreamFeed {
  return {
    events: numbered(record, startingAfter, charactersPerDelta),
    // A cancelled response says no more, and no event tells so.
    cutAtMs: () => record.plan.cancelledAtMs,
  };
}

function* numbered(
  record: ResponseRecord,
  startingAfter: number,
  charactersPerDelta: number,
): Generator<TimedEvent, void, undefined> {
  let number = 0;
  for (const { atMs, draft } of timed(record, charactersPerDelta)) {
    if (number > startingAfter || draft === null) {
      yield { atMs, event: draft === null ? null : { ...draft, sequence_number: number } };
    }
    number += 1;
  }
}

function* timed(record: ResponseRecord, charactersPerDelta: number) {
  const { createdAtMs, legStartsAtMs, legEndsAtMs, outcome } = record.plan;
  const told = (type: string, atMs: number): Draft => ({ type, response: renderResponse(record, atMs) });
  yield { atMs: createdAtMs, draft: told('response.created', createdAtMs) };
  yield { atMs: createdAtMs, draft: told('response.queued', createdAtMs) };
  yield {
    atMs: legStartsAtMs,
    draft: told('response.in_progress', Math.max(createdAtMs + 1, legStartsAtMs)),
  };
  if (outcome !== 'completed' && outcome !== 'incomplete' && outcome !== 'failed') {
    // `never` says nothing more; lost and cancelled ones break off.
    yield { atMs: legEndsAtMs, draft: null };
    return;
  }
  const atEnd = Math.max(createdAtMs + 1, legEndsAtMs);
  const final = renderResponse(record, atEnd);
  const drafts = final.output.flatMap((item, index) => itemDrafts(item, index, charactersPerDelta));
  for (const [i, draft] of drafts.entries()) {
    yield { atMs: legStartsAtMs + ((legEndsAtMs - legStartsAtMs) * (i + 1)) / (drafts.length + 1), draft };
  }
  yield { atMs: atEnd, draft: { type: `response.${outcome}`, response: final } };
}

function itemDrafts(item: Item, output_index: number, charactersPerDelta: number): Draft[] {
  const added = (shown: object): Draft => ({ type: 'response.output_item.added', output_index, item: shown });
  const done: Draft = { type: 'response.output_item.done', output_index, item };
  if (item.type === 'function_call') return [...callDrafts(item, output_index, added), done];
  if (item.type !== 'message') return [added(item), done];
  return [
    added({ ...item, status: 'in_progress', content: [] }),
    ...item.content.flatMap((part, content_index) =>
      part.type === 'output_text'
        ? textDrafts(part, { item_id: item.id, output_index, content_index }, charactersPerDelta)
        : [],
    ),
    done,
  ];
}

function callDrafts(
  item: OpenAI.Responses.ResponseFunctionToolCall,
  output_index: number,
  added: (shown: object) => Draft,
): Draft[] {
  const where = { item_id: item.id, output_index };
  return [
    added({ ...item, status: 'in_progress', arguments: '' }),
    { type: 'response.function_call_arguments.delta', ...where, delta: item.arguments },
    { type: 'response.function_call_arguments.done', ...where, arguments: item.arguments },
  ];
}

interface Where {
  readonly item_id: string;
  readonly output_index: number;
  readonly content_index: number;
}

function deltaDraft(delta: string, where: Where): Draft {
  return { type: 'response.output_text.delta', ...where, delta, logprobs: [] };
}

function textDrafts(
  part: OpenAI.Responses.ResponseOutputText,
  where: Where,
  charactersPerDelta: number,
): Draft[] {
  // By whole characters: half of one would be no text.
  const characters = Array.from(part.text);
  const pieces = Array.from({ length: Math.ceil(characters.length / charactersPerDelta) }, (_, i) =>
    characters.slice(i * charactersPerDelta, (i + 1) * charactersPerDelta).join(''),
  );
  return [
    { type: 'response.content_part.added', ...where, part: { ...part, text: '' } },
    ...pieces.map((delta) => deltaDraft(delta, where)),
    { type: 'response.output_text.done', ...where, text: part.text, logprobs: [] },
    { type: 'response.content_part.done', ...where, part },
  ];
}
