/**
 * An OpenAI-compatible HTTP server for demos and tests, faults included. See docs/simulator.md.
 *
 * Withheld on purpose: the world, the plans and the handlers behind it. They are free to change.
 */
export { startSimulator } from './simulator.ts';
export type { Simulator, SimulatorControls } from './simulator.ts';
export { SimulatorOptionsError } from './options.ts';
export type { SimulatorOptions } from './options.ts';
export type { Distribution } from './distribution.ts';
export type { Fault, FaultRule, Faults } from './faults.ts';
export type { KindTotals, Ledger, LedgerRun, RunKind, WebhookCounts } from './ledger.ts';
export type { Operation } from './operations.ts';
export type { Ending } from './plan.ts';
export type { WebhookOptions } from './webhooks/options.ts';
