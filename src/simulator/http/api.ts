import type { IncomingMessage, ServerResponse } from 'node:http';

import { sampleMs } from '../distribution.ts';
import { ApiError, unknownUrl } from '../errors.ts';
import { decideFault } from '../faults.ts';
import type { Fault } from '../faults.ts';
import { handle } from '../handlers.ts';
import { isAssistantsOperation, matchRoute } from '../operations.ts';
import type { Operation } from '../operations.ts';
import { estimateTokens } from '../text.ts';
import type { Call, Reply, World } from '../world.ts';
import { checkBetaHeader, checkKey } from './auth.ts';
import { parseBody, readBody, tooLarge } from './body.ts';
import { deliver, isBeforeProcessing } from './deliver.ts';
import type { Answer } from './deliver.ts';
import { lets, sendStream } from './stream.ts';

/** What the HTTP layer lends to one request. */
export interface Exchange {
  world: World;
  request: IncomingMessage;
  response: ServerResponse;
  url: URL;
  later: (delayMs: number, run: () => void) => void;
}

/** Creates cost tokens; looking at things does not. */
const COSTS_TOKENS: ReadonlySet<Operation> = new Set([
  'responses.create',
  'runs.create',
  'runs.create_with_thread',
  'runs.submit_tool_outputs',
]);

/** Serves one call of the API, from its route to the ledger's entry. */
export async function serveApi(exchange: Exchange): Promise<void> {
  const { world, request, response, url, later } = exchange;
  const arrivedAtMs = world.now();
  const method = request.method ?? 'GET';
  // Read first, whatever the answer: a connection with an unread body cannot be used again.
  const raw = await readBody(request, world.options.maxBodyBytes);
  const route = matchRoute(method, url.pathname);
  const admission = admit(exchange, route?.operation ?? null, raw);

  let fault: Fault | null = null;
  let outcome: Reply | ApiError;
  if (admission.refused !== null) {
    outcome = admission.refused;
  } else if (route === null) {
    outcome = unknownUrl(method, url.pathname);
  } else {
    fault = nextFault(world, route.operation);
    outcome = isBeforeProcessing(fault)
      ? { body: {} }
      : process(world, { ...route, query: url.searchParams, nowMs: world.now() }, raw);
  }

  const readyAtMs = 'readyAtMs' in outcome ? outcome.readyAtMs : 0;
  const latencyMs = sampleMs(world.options.latencyMs, world.random.latency);
  const delayMs = Math.max(latencyMs, readyAtMs - world.now());
  if (delayMs > 0) await new Promise<void>((resolve) => later(delayMs, resolve));
  const answer = compose(world, outcome, admission.counted, arrivedAtMs);
  if ('stream' in outcome && outcome.stream !== undefined && lets(fault)) {
    world.ledger.answered(route?.operation ?? 'unknown', '200');
    await sendStream({ response, headers: answer.headers, fault, now: world.now, later }, outcome.stream);
    return;
  }
  const result = deliver({ request, response, fault, later }, answer);
  world.ledger.answered(route?.operation ?? 'unknown', result);
}

/** Key, counting, rate limit, size: what comes before the request's content is looked at. */
function admit(
  { world, request, url }: Exchange,
  operation: Operation | null,
  raw: Buffer | null,
): { refused: ApiError | null; counted: boolean } {
  const { options } = world;
  // Not the time of arrival: bodies take their time, and the windows want calls in order.
  const nowMs = world.now();
  let counted = false;
  try {
    checkKey(request, options);
    if (operation !== null && isAssistantsOperation(operation)) {
      if (options.assistantsGone) throw unknownUrl(request.method ?? 'GET', url.pathname);
      if (options.requireAssistantsBetaHeader) checkBetaHeader(request);
    }
    counted = options.countGets || request.method !== 'GET';
    if (counted) {
      world.ledger.arrived(nowMs);
      const costs = operation !== null && COSTS_TOKENS.has(operation);
      world.limiter.admit(options, costs ? estimateTokens(raw?.length ?? 0) : 0, nowMs);
    }
    if (raw === null) throw tooLarge(options.maxBodyBytes);
  } catch (error) {
    if (error instanceof ApiError) return { refused: error, counted };
    throw error;
  }
  return { refused: null, counted };
}

function nextFault(world: World, operation: Operation): Fault | null {
  const decided = decideFault(operation, world.random.faults, world.faults);
  world.faults = decided.faults;
  return decided.fault;
}

function process(world: World, call: Omit<Call, 'body'>, raw: Buffer | null): Reply | ApiError {
  try {
    return handle(world, { ...call, body: parseBody(raw) });
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
}

/** Body and headers of the answer as it would be without a fault. */
function compose(world: World, outcome: Reply | ApiError, counted: boolean, arrivedAtMs: number): Answer {
  const nowMs = world.now();
  const headers: Record<string, string> = {
    'x-request-id': world.newId('req'),
    'openai-processing-ms': String(Math.max(1, nowMs - arrivedAtMs)),
    'openai-version': '2020-10-01',
    ...(counted ? world.limiter.headers(world.options, nowMs) : {}),
  };
  if (outcome instanceof ApiError) {
    return { status: outcome.status, headers: { ...headers, ...outcome.headers }, body: outcome.body };
  }
  if ('render' in outcome) {
    // A timer may fire a fraction early, but nobody may see a synchronous response before its end.
    return { status: 200, headers, body: outcome.render(Math.max(nowMs, outcome.readyAtMs)) };
  }
  const { pollAfterMs } = world.options;
  if (outcome.unfinished === true && pollAfterMs !== null) {
    headers['openai-poll-after-ms'] = String(pollAfterMs);
  }
  return { status: 200, headers, body: outcome.body };
}
