import {
  cancelRun,
  createRun,
  createThreadAndRun,
  listRuns,
  listSteps,
  retrieveRun,
  submitToolOutputs,
} from './assistants/runs.ts';
import {
  createAssistant,
  createMessage,
  createThread,
  listMessages,
  retrieveAssistant,
  retrieveThread,
} from './assistants/threads.ts';
import type { Operation } from './operations.ts';
import {
  cancelResponse,
  createResponse,
  deleteResponse,
  listInputItems,
  retrieveResponse,
} from './responses/service.ts';
import type { Call, Reply, World } from './world.ts';

type Handler = (world: World, call: Call) => Reply;

const HANDLERS: Readonly<Record<Operation, Handler>> = {
  'responses.create': createResponse,
  'responses.retrieve': retrieveResponse,
  'responses.cancel': cancelResponse,
  'responses.delete': deleteResponse,
  'responses.input_items': listInputItems,
  'assistants.create': createAssistant,
  'assistants.retrieve': retrieveAssistant,
  'threads.create': createThread,
  'threads.retrieve': retrieveThread,
  'messages.create': createMessage,
  'messages.list': listMessages,
  'runs.create': createRun,
  'runs.create_with_thread': createThreadAndRun,
  'runs.list': listRuns,
  'runs.retrieve': retrieveRun,
  'runs.cancel': cancelRun,
  'runs.submit_tool_outputs': submitToolOutputs,
  'run_steps.list': listSteps,
};

/** Carries out one call. Throws an `ApiError` for every answer that is an error. */
export function handle(world: World, call: Call): Reply {
  return HANDLERS[call.operation](world, call);
}
