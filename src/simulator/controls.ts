import type { Distribution } from './distribution.ts';
import { sampleMs } from './distribution.ts';
import { badRequest } from './errors.ts';
import { ENDINGS } from './plan.ts';
import type { Ending, Outcome } from './plan.ts';
import { pickWeighted } from './random.ts';
import type { Random } from './random.ts';

/** What a create's `metadata` says about the run's fate. `null` leaves it to the simulator's options. */
export interface Controls {
  readonly durationMs: number | null;
  readonly queueMs: number | null;
  readonly ending: Ending | null;
  readonly errorCode: string | null;
  readonly toolRounds: number | null;
  readonly toolCalls: number | null;
  readonly toolArguments: string | null;
  readonly output: string | null;
  /** Shown instead of `in_progress`: to see what a client makes of a status that it does not know. */
  readonly status: string | null;
  /** From the end to the webhook, in milliseconds; `Infinity`: none is sent. */
  readonly webhookMs: number | null;
}

export const NO_CONTROLS: Controls = {
  durationMs: null,
  queueMs: null,
  ending: null,
  errorCode: null,
  toolRounds: null,
  toolCalls: null,
  toolArguments: null,
  output: null,
  status: null,
  webhookMs: null,
};

type Metadata = Readonly<Record<string, string>>;

function wholeNumber(metadata: Metadata, key: string, least: number, most: number): number | null {
  const text = metadata[key];
  if (text === undefined) return null;
  const value = Number(text);
  if (text.trim() !== '' && Number.isInteger(value) && value >= least && value <= most) return value;
  throw badRequest(
    `Invalid 'metadata.${key}': expected a whole number, ${least} to ${most}.`,
    `metadata.${key}`,
    'invalid_value',
  );
}

function ending(metadata: Metadata): Ending | null {
  const text = metadata['sim_ending'];
  if (text === undefined) return null;
  const known = ENDINGS.find((candidate) => candidate === text);
  if (known !== undefined) return known;
  throw badRequest(
    `Invalid 'metadata.sim_ending': expected one of ${ENDINGS.join(', ')}.`,
    'metadata.sim_ending',
    'invalid_value',
  );
}

export function readControls(metadata: Metadata | null): Controls {
  // Most runs have none: they share one object.
  if (metadata === null || !Object.keys(metadata).some((key) => key.startsWith('sim_'))) return NO_CONTROLS;
  return {
    durationMs: wholeNumber(metadata, 'sim_duration_ms', 0, 86_400_000),
    queueMs: wholeNumber(metadata, 'sim_queue_ms', 0, 86_400_000),
    ending: ending(metadata),
    errorCode: metadata['sim_error_code'] ?? null,
    toolRounds: wholeNumber(metadata, 'sim_tool_rounds', 0, 1000),
    toolCalls: wholeNumber(metadata, 'sim_tool_calls', 1, 128),
    toolArguments: metadata['sim_tool_arguments'] ?? null,
    output: metadata['sim_output'] ?? null,
    status: metadata['sim_status'] ?? null,
    webhookMs:
      metadata['sim_webhook_ms'] === 'never'
        ? Infinity
        : wholeNumber(metadata, 'sim_webhook_ms', 0, 86_400_000),
  };
}

/** What was decided about a run when it was created. */
export interface Fate {
  readonly controls: Controls;
  readonly ending: Exclude<Ending, 'tools'>;
  /** Times that it will stop for tool outputs. */
  readonly toolRounds: number;
}

/** Decides how a run ends. Its metadata goes before the simulator's weights. */
export function drawFate(
  controls: Controls,
  weights: Readonly<Partial<Record<Ending, number>>>,
  random: Random,
): Fate {
  const drawn = controls.ending ?? pickWeighted(ENDINGS, weights, random) ?? 'completed';
  return {
    controls,
    ending: drawn === 'tools' ? 'completed' : drawn,
    toolRounds: controls.toolRounds ?? (drawn === 'tools' ? 1 : 0),
  };
}

/**
 * The fate of a response that answers the tool calls of another: one round less to go, and what its own metadata
 * leaves open stays as it was.
 */
export function inheritFate(previous: Fate, own: Controls): Fate {
  const before = previous.controls;
  const ownEnding = own.ending === 'tools' ? null : own.ending;
  return {
    controls: {
      durationMs: own.durationMs ?? before.durationMs,
      queueMs: own.queueMs ?? before.queueMs,
      ending: own.ending ?? before.ending,
      errorCode: own.errorCode ?? before.errorCode,
      toolRounds: before.toolRounds,
      toolCalls: own.toolCalls ?? before.toolCalls,
      toolArguments: own.toolArguments ?? before.toolArguments,
      output: own.output ?? before.output,
      status: own.status ?? before.status,
      webhookMs: own.webhookMs ?? before.webhookMs,
    },
    ending: ownEnding ?? previous.ending,
    toolRounds: previous.toolRounds - 1,
  };
}

/** How long one leg takes and how much of it is queueing. */
export function drawLeg(
  controls: Controls,
  distributions: { durations: Distribution; queueDurations: Distribution },
  random: Random,
): { durationMs: number; queueMs: number } {
  const durationMs = sampleMs(distributions.durations, random);
  const queueMs = sampleMs(distributions.queueDurations, random);
  return { durationMs: controls.durationMs ?? durationMs, queueMs: controls.queueMs ?? queueMs };
}

/** A response knows no expiry: such a one fails instead. */
export function responseOutcome(ended: Fate['ending']): Outcome {
  return ended === 'expired' ? 'failed' : ended;
}
