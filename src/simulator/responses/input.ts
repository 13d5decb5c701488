import type OpenAI from 'openai';

import { badRequest } from '../errors.ts';
import { isObject } from '../params.ts';
import type { Params } from '../params.ts';
import { derivedId } from '../text.ts';
import { unchecked } from '../unchecked.ts';

type ResponseItem = OpenAI.Responses.ResponseItem;

/** A create's `input`, as a list of items whichever way it was written. */
export function inputItems(request: Params): readonly Params[] {
  const input = request['input'] ?? [];
  if (typeof input === 'string') return [{ role: 'user', content: input }];
  if (!Array.isArray(input)) {
    throw badRequest(
      `Invalid type for 'input': expected one of a string or array of items.`,
      'input',
      'invalid_type',
    );
  }
  return input.map((item: unknown, i) => {
    if (isObject(item)) return item;
    throw badRequest(`Invalid type for 'input[${i}]': expected an object.`, `input[${i}]`, 'invalid_type');
  });
}

function callIds(items: readonly Params[], type: string): string[] {
  return items
    .filter((item) => item['type'] === type)
    .map((item) => item['call_id'])
    .filter((id) => typeof id === 'string');
}

export function outputCallIds(items: readonly Params[]): string[] {
  return callIds(items, 'function_call_output');
}

/** Every function call must have its output and every output its call, or the whole create is refused. */
export function checkToolOutputs(items: readonly Params[], pendingCallIds: readonly string[]): void {
  const called = new Set([...pendingCallIds, ...callIds(items, 'function_call')]);
  const answered = new Set(outputCallIds(items));
  for (const id of called) {
    if (!answered.has(id)) throw badRequest(`No tool output found for function call ${id}.`, 'input');
  }
  for (const id of answered) {
    if (!called.has(id)) {
      throw badRequest(`No tool call found for function call output with call_id ${id}.`, 'input');
    }
  }
}

/** The last thing that the user said, for an answer that refers to it. */
export function lastUserText(items: readonly Params[]): string {
  const message = items.findLast((item) => item['role'] === 'user');
  return message === undefined ? '' : contentText(message['content']);
}

function contentText(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  const part: unknown = content.find(
    (candidate) => isObject(candidate) && typeof candidate['text'] === 'string',
  );
  return isObject(part) && typeof part['text'] === 'string' ? part['text'] : '';
}

/** The items as `input_items` lists them: with ids, and text content in its long form. */
export function renderInputItems(responseId: string, items: readonly Params[]): ResponseItem[] {
  return items.map((item, i) => {
    const type = typeof item['type'] === 'string' ? item['type'] : 'message';
    const id = derivedId(type === 'message' ? 'msg' : 'item', responseId, 0x8000 + i);
    if (type !== 'message') {
      // The rest is echoed as it was sent, which is what the API does.
      return unchecked<ResponseItem>({ status: 'completed', ...item, id });
    }
    const { content } = item;
    const long =
      typeof content === 'string'
        ? [
            item['role'] === 'assistant'
              ? { type: 'output_text', text: content, annotations: [], logprobs: [] }
              : { type: 'input_text', text: content },
          ]
        : content;
    return unchecked<ResponseItem>({ ...item, type, id, status: 'completed', content: long });
  });
}
