/** The real run store for the suite of its port: BullMQ's own worker hands out the activations. */

import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { runKeys, runsQueue } from '../../src/adapters/bullmq/keys.ts';
import { BullmqRunStore } from '../../src/adapters/bullmq/run-store.ts';
import { RunsWorker, type StepResult } from '../../src/adapters/bullmq/runs-worker.ts';
import { connectRedis, type RedisClient } from '../../src/adapters/redis-sdk/client.ts';
import { ActivationLostError } from '../../src/domain/errors.ts';
import type { Activation } from '../../src/ports/run-store.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { runStoreConformance, type RunStoreHarness } from '../contract/suites/run-store.ts';
import { eventually } from './eventually.ts';
import { RecordingTelemetry } from './fakes/telemetry.ts';
import type { TestRedis } from './redis.ts';
import { TcpProxy } from './tcp-proxy.ts';

const defaultDeadlineSeconds = 600;
/** A lost activation is taken up after two checks for stalled jobs. */
const activationWithinMs = 15_000;

export function bullmqRunStoreConformance(name: string, redis: TestRedis): void {
  const wires = new WeakMap<RunStoreHarness, TcpProxy>();
  runStoreConformance(name, {
    create: async () => {
      const wire = await TcpProxy.to(redis.port);
      const harness = await BullmqHarness.open(redis, wire);
      wires.set(harness, wire);
      return harness;
    },
    breakDown: async (harness) => wires.get(harness)?.cut(),
  });
}

class BullmqHarness implements RunStoreHarness {
  readonly store: BullmqRunStore;
  private readonly keys: ReturnType<typeof runKeys>;
  private readonly client: RedisClient;
  private readonly workerClient: RedisClient;
  private readonly wire: TcpProxy;
  private readonly queue: Queue;
  private readonly worker: RunsWorker;
  /** Runs whose activation in hand was taken away. */
  private readonly lost = new Set<string>();
  private closing = false;
  /** Activations that wait for their body, by run. */
  private readonly claimed = new Map<
    string,
    { activation: Activation; leave: PromiseWithResolvers<StepResult> }
  >();

  private constructor(redis: TestRedis, wire: TcpProxy, prefix: string) {
    this.wire = wire;
    this.keys = runKeys(prefix);
    // The store's way can be cut without touching the worker's.
    this.client = opened(wire.redisUrl, 'prompt');
    this.workerClient = opened(redis.url, 'patient');
    this.queue = new Queue(runsQueue, { connection: this.client, prefix });
    this.queue.on('error', () => {});
    this.store = new BullmqRunStore({
      queue: this.queue,
      client: this.client,
      prefix,
      defaultDeadlineSeconds,
    });
    this.worker = new RunsWorker({
      client: this.workerClient,
      prefix,
      concurrency: 10,
      defaultDeadlineSeconds,
      clock: systemClock,
      telemetry: new RecordingTelemetry(),
      step: (activation) => this.claim(activation),
    });
    // The checks that take up what a dead worker left are what this suite waits for most.
    this.worker.worker.opts.stalledInterval = 200;
  }

  static async open(redis: TestRedis, wire: TcpProxy): Promise<BullmqHarness> {
    const harness = new BullmqHarness(redis, wire, redis.prefix());
    await harness.worker.start();
    return harness;
  }

  nowMs(): number {
    return systemClock.nowMs();
  }

  private claim(activation: Activation): Promise<StepResult> {
    if (this.closing) return Promise.resolve({ type: 'parked' });
    const leave = Promise.withResolvers<StepResult>();
    this.claimed.set(activation.spec.id, { activation, leave });
    return leave.promise;
  }

  async activate<T>(id: string, body: (activation: Activation) => Promise<T>): Promise<T> {
    const { activation, leave } = await this.nextActivation(id);
    let parked = false;
    const watched = watching(activation, () => (parked = true));
    try {
      return await body(watched);
    } finally {
      await this.leaveSlot(id, activation, leave, parked);
    }
  }

  private async nextActivation(id: string) {
    const claim = await eventually(
      `an activation of ${id}`,
      () => this.claimed.get(id),
      (found) => found !== undefined,
      { withinMs: activationWithinMs, everyMs: 2 },
    );
    this.claimed.delete(id);
    this.lost.delete(id);
    if (claim === undefined) throw new Error('Unreachable.');
    return claim;
  }

  /** As the worker's own step does: see `RunsWorker.process`. */
  private async leaveSlot(
    id: string,
    activation: Activation,
    leave: PromiseWithResolvers<StepResult>,
    parked: boolean,
  ): Promise<void> {
    if (parked) {
      leave.resolve({ type: 'parked' });
      return;
    }
    if (!this.lost.has(id) && (await activation.outcome()) !== null) {
      leave.resolve({ type: 'ended', result: null });
      return;
    }
    if (!this.lost.has(id)) await this.lose(id);
    leave.reject(new ActivationLostError('Lost by the test.'));
  }

  /** What a worker that stalls for longer than its lock comes to; BullMQ's own check gives the run away again. */
  async lose(id: string): Promise<void> {
    this.lost.add(id);
    await this.workerClient.del(this.keys.lock(id));
  }

  async close(): Promise<void> {
    this.closing = true;
    for (const { leave } of this.claimed.values()) leave.resolve({ type: 'parked' });
    await this.worker.stop(5000);
    this.workerClient.disconnect();
    this.client.disconnect();
    await this.queue.close();
    await this.wire[Symbol.asyncDispose]();
  }
}

function opened(url: string, patience: 'patient' | 'prompt'): RedisClient {
  const client = connectRedis(url, patience);
  client.on('error', () => {});
  // How long a call to a dead server takes is no matter of the suite.
  if (client instanceof Redis) client.options.retryStrategy = () => 20;
  return client;
}

/** Knows whether the slot was left by a park. */
function watching(activation: Activation, onPark: () => void): Activation {
  return {
    spec: activation.spec,
    get state() {
      return activation.state;
    },
    inlineRequest: activation.inlineRequest,
    takeSignals: () => activation.takeSignals(),
    takeTurn: () => activation.takeTurn(),
    loadRequest: () => activation.loadRequest(),
    save: (state) => activation.save(state),
    async park(state) {
      await activation.park(state);
      onPark();
    },
    handOver: (runId, providerRunId) => activation.handOver(runId, providerRunId),
    commit: (state, outcome) => activation.commit(state, outcome),
    outcome: () => activation.outcome(),
  };
}
