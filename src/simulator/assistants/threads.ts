import type OpenAI from 'openai';

import { badRequest, missingParameter, notFound } from '../errors.ts';
import { countCall } from '../ledger.ts';
import { paginate } from '../paging.ts';
import {
  isObject,
  objectArray,
  optionalNumber,
  optionalObject,
  optionalString,
  readMetadata,
  requiredString,
} from '../params.ts';
import type { Params } from '../params.ts';
import { endedAtMs, wholeSeconds } from '../plan.ts';
import { unchecked } from '../unchecked.ts';
import type { Call, Reply, World } from '../world.ts';
import { addAnswer } from './answer.ts';
import type { AssistantBody, AssistantRecord, MessageBody, ThreadRecord } from './records.ts';

export function createAssistant(world: World, call: Call): Reply {
  const { body, nowMs } = call;
  const assistant: AssistantRecord = {
    id: world.newId('asst'),
    object: 'assistant',
    created_at: wholeSeconds(nowMs),
    name: optionalString(body, 'name'),
    description: optionalString(body, 'description'),
    model: requiredString(body, 'model'),
    instructions: optionalString(body, 'instructions'),
    tools: readAssistantTools(body),
    metadata: readMetadata(body) ?? {},
    temperature: optionalNumber(body, 'temperature', 1),
    top_p: optionalNumber(body, 'top_p', 1),
    tool_resources: optionalObject(body, 'tool_resources'),
    response_format: unchecked<NonNullable<AssistantBody['response_format']>>(
      body['response_format'] ?? 'auto',
    ),
  };
  world.assistants.set(assistant.id, assistant);
  return { body: assistant };
}

export function retrieveAssistant(world: World, call: Call): Reply {
  const id = call.params['assistant_id'] ?? '';
  const assistant = world.assistants.get(id);
  if (assistant === undefined) throw notFound(`No assistant found with id '${id}'.`);
  return { body: assistant };
}

export function readAssistantTools(body: Params): OpenAI.Beta.AssistantTool[] {
  return objectArray(body, 'tools').map((tool, i) => {
    if (tool['type'] === 'function' && !isObject(tool['function'])) {
      throw missingParameter(`tools[${i}].function`);
    }
    return unchecked<OpenAI.Beta.AssistantTool>(tool);
  });
}

/** Makes a thread, but adds it to the world only when everything about it is right. */
export function newThread(world: World, body: Params, nowMs: number): ThreadRecord {
  const id = world.newId('thread');
  const thread: ThreadRecord = {
    id,
    body: {
      id,
      object: 'thread',
      created_at: wholeSeconds(nowMs),
      metadata: readMetadata(body) ?? {},
      tool_resources: optionalObject(body, 'tool_resources'),
    },
    messages: [],
    runs: [],
  };
  const messages = objectArray(body, 'messages').map((message) => newMessage(world, thread, message, nowMs));
  thread.messages.push(...messages);
  return thread;
}

export function createThread(world: World, call: Call): Reply {
  const thread = newThread(world, call.body, call.nowMs);
  world.threads.set(thread.id, thread);
  return { body: thread.body };
}

export function findThread(world: World, call: Call): ThreadRecord {
  const id = call.params['thread_id'] ?? '';
  const thread = world.threads.get(id);
  if (thread === undefined) throw notFound(`No thread found with id '${id}'.`);
  return thread;
}

export function retrieveThread(world: World, call: Call): Reply {
  return { body: findThread(world, call).body };
}

export function newMessage(world: World, thread: ThreadRecord, body: Params, nowMs: number): MessageBody {
  const role = requiredString(body, 'role');
  if (role !== 'user' && role !== 'assistant') {
    throw badRequest(
      `Invalid value: '${role}'. Supported values are: 'user' and 'assistant'.`,
      'role',
      'invalid_value',
    );
  }
  return {
    id: world.newId('msg'),
    object: 'thread.message',
    created_at: wholeSeconds(nowMs),
    assistant_id: null,
    thread_id: thread.id,
    run_id: null,
    role,
    content: messageContent(body['content']),
    attachments: [...objectArray(body, 'attachments')],
    metadata: readMetadata(body) ?? {},
    status: 'completed',
    completed_at: wholeSeconds(nowMs),
    incomplete_at: null,
    incomplete_details: null,
  };
}

function textContent(value: string): MessageBody['content'][number] {
  return { type: 'text', text: { value, annotations: [] } };
}

function messageContent(content: unknown): MessageBody['content'] {
  if (typeof content === 'string') return [textContent(content)];
  if (!Array.isArray(content)) throw missingParameter('content');
  return content.map((part: unknown) => {
    if (isObject(part) && part['type'] === 'text' && typeof part['text'] === 'string') {
      return textContent(part['text']);
    }
    // Images are echoed as they were sent.
    return unchecked<MessageBody['content'][number]>(part);
  });
}

export function createMessage(world: World, call: Call): Reply {
  const thread = findThread(world, call);
  const latest = thread.runs.at(-1);
  if (latest !== undefined && endedAtMs(latest.plan, call.nowMs) === null) {
    throw badRequest(`Can't add messages to ${thread.id} while a run ${latest.id} is active.`);
  }
  if (latest !== undefined) addAnswer(latest, call.nowMs);
  const message = newMessage(world, thread, call.body, call.nowMs);
  thread.messages.push(message);
  return { body: message };
}

export function listMessages(world: World, call: Call): Reply {
  const thread = findThread(world, call);
  const runId = call.query.get('run_id');
  const concerned = runId === null ? thread.runs.at(-1) : thread.runs.find((run) => run.id === runId);
  if (concerned !== undefined) countCall(concerned, call.operation);
  const latest = thread.runs.at(-1);
  if (latest !== undefined) addAnswer(latest, call.nowMs);
  const messages =
    runId === null ? thread.messages : thread.messages.filter((message) => message.run_id === runId);
  return { body: paginate(messages, call.query, (message) => message) };
}
