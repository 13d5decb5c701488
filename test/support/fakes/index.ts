/** In-memory fakes of every port. Each passes the conformance suite of its port: `test/contract/fakes.test.ts`. */

export { FakeAccounts } from './accounts.ts';
export { FakeDurationStore } from './duration-store.ts';
export { FakeEventBus } from './event-bus.ts';
export { eventually } from './eventually.ts';
export { FakeIdempotencyStore } from './idempotency-store.ts';
export { ManualClock } from './manual-clock.ts';
export { aPacing, FakePacingStore } from './pacing-store.ts';
export { FakeProviderHealth } from './provider-health.ts';
export { FakeProvider } from './provider.ts';
export { FakeRateGate, SharedQuota } from './rate-gate.ts';
export { FakeRunStore } from './run-store.ts';
export { SeededRandomness } from './seeded-randomness.ts';
export { FakeStreamLedger } from './stream-ledger.ts';
export { RecordingTelemetry } from './telemetry.ts';
export { FakeWorld } from './world.ts';
