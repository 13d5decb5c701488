import { drawFate, drawLeg, readControls } from '../controls.ts';
import { badRequest, missingParameter, notFound } from '../errors.ts';
import { countCall } from '../ledger.ts';
import { paginate } from '../paging.ts';
import {
  objectArray,
  optionalBoolean,
  optionalObject,
  optionalString,
  readMetadata,
  requiredString,
} from '../params.ts';
import type { Params } from '../params.ts';
import { endedAtMs, phaseAt, planCancel, planNextLeg, planRun } from '../plan.ts';
import type { Outcome } from '../plan.ts';
import { estimateTokens } from '../text.ts';
import type { Call, Reply, World } from '../world.ts';
import { addAnswer } from './answer.ts';
import type { AssistantRecord, RunRecord, ThreadRecord } from './records.ts';
import { renderRun, renderSteps, toolCalls } from './render.ts';
import { findThread, newMessage, newThread, readAssistantTools } from './threads.ts';

function findRun(world: World, call: Call): RunRecord {
  const id = call.params['run_id'] ?? '';
  const run = world.runs.get(id);
  if (run !== undefined) countCall(run, call.operation);
  const hidden = run !== undefined && phaseAt(run.plan, call.nowMs).phase === 'lost';
  if (run === undefined || hidden || run.thread.id !== call.params['thread_id']) {
    throw notFound(`No run found with id '${id}'.`);
  }
  return run;
}

export function retrieveRun(world: World, call: Call): Reply {
  const run = findRun(world, call);
  const endedAt = endedAtMs(run.plan, call.nowMs);
  if (endedAt !== null && call.nowMs - endedAt < world.faults.notFoundAfterEndMs) {
    throw notFound(`No run found with id '${run.id}'.`);
  }
  return { body: renderRun(run, call.nowMs), unfinished: endedAt === null };
}

export function listRuns(world: World, call: Call): Reply {
  const thread = findThread(world, call);
  const runs = thread.runs.filter((run) => phaseAt(run.plan, call.nowMs).phase !== 'lost');
  return { body: paginate(runs, call.query, (run) => renderRun(run, call.nowMs)) };
}

export function listSteps(world: World, call: Call): Reply {
  const run = findRun(world, call);
  return { body: paginate(renderSteps(run, call.nowMs), call.query, (step) => step) };
}

export function cancelRun(world: World, call: Call): Reply {
  const run = findRun(world, call);
  const { nowMs } = call;
  const { phase } = phaseAt(run.plan, nowMs);
  if (phase === 'cancelling' || endedAtMs(run.plan, nowMs) !== null) {
    throw badRequest(`Cannot cancel run with status '${phase}'.`);
  }
  const { cancellingMs } = world.options;
  const cancel = { nowMs, cancellingMs, revivesAfterMs: world.revivesAfterMs() };
  world.replan(run, planCancel(run.plan, cancel));
  return { body: renderRun(run, nowMs) };
}

export function submitToolOutputs(world: World, call: Call): Reply {
  const run = findRun(world, call);
  const { nowMs } = call;
  const { phase, sinceMs } = phaseAt(run.plan, nowMs);
  // Within the lag the outputs are in already, whatever the status reads: nobody may give them twice.
  if (phase !== 'requires_action' || nowMs < run.plan.lagEndsAtMs) {
    const status = phase === 'requires_action' ? 'queued' : phase;
    throw badRequest(`Runs in status "${status}" do not accept tool outputs.`);
  }
  refuseStream(call.body);
  const outputs = readOutputs(call.body);
  const expected = toolCalls(run, run.rounds.length).map((toolCall) => toolCall.id);
  const got = [...outputs.keys()];
  if (expected.length !== got.length || expected.some((id) => !outputs.has(id))) {
    throw badRequest(`Expected tool outputs for call_ids ${quoted(expected)}, got ${quoted(got)}`);
  }
  run.rounds.push({ askedAtMs: sinceMs, answeredAtMs: nowMs, outputs });
  const next = {
    nowMs,
    lagMs: world.options.submitLagMs,
    ...drawLeg(run.fate.controls, world.options, run.random),
    outcome: nextOutcome(run.fate, run.rounds.length),
  };
  world.replan(run, planNextLeg(run.plan, next));
  return { body: renderRun(run, nowMs) };
}

function quoted(ids: readonly string[]): string {
  return `[${ids.map((id) => `'${id}'`).join(', ')}]`;
}

function nextOutcome(fate: RunRecord['fate'], roundsDone: number): Outcome {
  return roundsDone < fate.toolRounds ? 'requires_action' : fate.ending;
}

function readOutputs(body: Params): Map<string, string> {
  if (body['tool_outputs'] === undefined) throw missingParameter('tool_outputs');
  const given = objectArray(body, 'tool_outputs');
  return new Map(
    given.map((output) => [requiredString(output, 'tool_call_id'), optionalString(output, 'output') ?? '']),
  );
}

/** Streaming is not simulated; a client must see that at once instead of waiting for events. */
function refuseStream(body: Params): void {
  if (optionalBoolean(body, 'stream', false)) {
    throw badRequest('The simulator does not stream.', 'stream', 'unsupported_value');
  }
}

export function createRun(world: World, call: Call): Reply {
  return startRun(world, call, findThread(world, call));
}

export function createThreadAndRun(world: World, call: Call): Reply {
  const given = optionalObject(call.body, 'thread') ?? {};
  const assistant = findAssistant(world, call.body);
  const thread = newThread(world, given, call.nowMs);
  const reply = startRun(world, call, thread, assistant);
  world.threads.set(thread.id, thread);
  return reply;
}

/** `null` for one that was not made here but is accepted all the same. */
function findAssistant(world: World, body: Params): AssistantRecord | null {
  const id = requiredString(body, 'assistant_id');
  const assistant = world.assistants.get(id) ?? null;
  if (assistant !== null || (world.options.acceptUnknownAssistants && id.startsWith('asst_')))
    return assistant;
  throw notFound(`No assistant found with id '${id}'.`);
}

function startRun(
  world: World,
  call: Call,
  thread: ThreadRecord,
  assistant: AssistantRecord | null = findAssistant(world, call.body),
): Reply {
  const { body, nowMs } = call;
  world.sweep(nowMs);
  refuseStream(body);
  const latest = thread.runs.at(-1);
  if (latest !== undefined) {
    if (endedAtMs(latest.plan, nowMs) === null) {
      throw badRequest(`Thread ${thread.id} already has an active run ${latest.id}.`);
    }
    addAnswer(latest, nowMs);
  }
  const metadata = readMetadata(body) ?? {};
  const controls = readControls(metadata);
  const tools = Array.isArray(body['tools']) ? readAssistantTools(body) : (assistant?.tools ?? []);
  const added = objectArray(body, 'additional_messages').map((message) =>
    newMessage(world, thread, message, nowMs),
  );
  const settings = {
    assistantId: requiredString(body, 'assistant_id'),
    model: optionalString(body, 'model') ?? assistant?.model ?? 'simulated',
    instructions: instructions(body, assistant),
    tools,
  };
  // From here on nothing is refused: a create that fails must not leave messages or use up a run's number.
  thread.messages.push(...added);
  const random = world.nextRunRandom();
  const fate = drawFate(controls, world.options.endings, random);
  const run: RunRecord = {
    ...settings,
    kind: 'assistants',
    id: world.newId('run'),
    runfleetId: metadata['runfleet_id'] ?? null,
    previousId: null,
    plan: planRun({
      nowMs,
      ...drawLeg(controls, world.options, random),
      expiresAfterMs: world.options.runExpirySeconds * 1000,
      outcome: nextOutcome(fate, 0),
    }),
    calls: { [call.operation]: 1 },
    fate,
    random,
    thread,
    metadata,
    request: body,
    rounds: [],
    promptTokens: estimateTokens(JSON.stringify(thread.messages.slice(-20)).length),
    answered: false,
  };
  thread.runs.push(run);
  world.runs.set(run.id, run);
  world.planned(run);
  return { body: renderRun(run, nowMs) };
}

function instructions(body: Params, assistant: AssistantRecord | null): string {
  const base = optionalString(body, 'instructions') ?? assistant?.instructions ?? '';
  const more = optionalString(body, 'additional_instructions');
  return more === null ? base : `${base}\n${more}`;
}
