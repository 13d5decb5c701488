import { type BackoffOptions, defaultBackoff } from './poll-schedule.ts';

/** The settings of a run's life that are not its poll schedule. Milliseconds throughout. */
export interface RunPolicy {
  /** How long a look may be answered 404 before the run is `lost`. One host was seen to do so for 32.7 s. */
  readonly notFoundGraceMs: number;
  /** How long a look may be answered 401 or 403 (keys rotate) before a run that exists is given up. */
  readonly unauthorizedGraceMs: number;
  /** How long a create whose reply was lost may still turn up, before `onAmbiguous` decides. */
  readonly quarantineMs: number;
  /** The same while webhooks come, one of which will tell of the run if it is there. */
  readonly toldQuarantineMs: number;
  /** How long the provider may take to confirm a cancel, before we end the run without it. */
  readonly cancelGraceMs: number;
  /** How often a run that waits in its lane asks for its turn, should nobody wake it. Spread by half to both sides. */
  readonly laneCheckMs: number;
  /** How often a run whose stream is being read is taken up, to see whether its reader still lives. */
  readonly streamCheckMs: number;
  /** How long a stream may still have to tell an end that a webhook told, before we look. */
  readonly streamLagMs: number;
  /** How often a stream is opened again that tells nothing new, before the run is looked at instead. */
  readonly maxIdleResumes: number;
  /** Waits after a fault: not the poll's, since a provider in trouble wants fewer calls. */
  readonly faultBackoff: BackoffOptions;
  /** From look to look after a cancel, which takes effect within seconds or never. */
  readonly cancelBackoff: BackoffOptions;
  /** How long a run that we have word of (a webhook) is looked at again soon, when the answer shows nothing new. */
  readonly wordGraceMs: number;
  /** From look to look of such a run. */
  readonly wordBackoff: BackoffOptions;
  /** Waits for a thread or conversation that another run holds. */
  readonly conflictBackoff: BackoffOptions;
  /** How long after a submit whose reply was lost the same calls must still be shown, to send their answers again. */
  readonly resubmitAfterMs: number;
  /** The same for a submit that was refused, to give the run up: an earlier one may have arrived. */
  readonly refusedSubmitMs: number;
}

export const defaultPolicy: RunPolicy = {
  notFoundGraceMs: 60_000,
  unauthorizedGraceMs: 60_000,
  quarantineMs: 60_000,
  toldQuarantineMs: 900_000,
  cancelGraceMs: 60_000,
  laneCheckMs: 60_000,
  streamCheckMs: 15_000,
  streamLagMs: 2000,
  maxIdleResumes: 10,
  faultBackoff: { ...defaultBackoff, initialMs: 1000, factor: 2, maxMs: 30_000 },
  cancelBackoff: defaultBackoff,
  // The longest lag that was seen at a provider is 32.7 s.
  wordGraceMs: 40_000,
  wordBackoff: { ...defaultBackoff, factor: 2, maxMs: 10_000 },
  conflictBackoff: { ...defaultBackoff, initialMs: 1000, factor: 1.5, maxMs: 10_000 },
  resubmitAfterMs: 5000,
  refusedSubmitMs: 30_000,
};
