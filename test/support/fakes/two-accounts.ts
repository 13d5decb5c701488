import { FakeProvider } from './provider.ts';
import { FakeProviderHealth } from './provider-health.ts';
import { FakeRateGate } from './rate-gate.ts';
import { FakeWorld } from './world.ts';

/** A fleet with a second account, `eu`, and the pool `any` of both. */
export class TwoAccounts extends FakeWorld {
  readonly euGate = new FakeRateGate(this.clock);
  readonly euHealth = new FakeProviderHealth(this.clock);
  readonly euResponses = new FakeProvider('responses');

  constructor() {
    super();
    this.accounts.add({
      name: 'eu',
      providers: { responses: this.euResponses, assistants: new FakeProvider('assistants') },
      gate: this.euGate,
      health: this.euHealth,
      standing: () => ({ quota: null, isRefused: this.euHealth.isRefused() }),
    });
    this.accounts.pools.set('any', ['default', 'eu']);
  }

  override startedFor(id: string): number {
    return super.startedFor(id) + this.euResponses.startedFor(id);
  }

  async accountOf(id = 'run-1'): Promise<string | undefined> {
    return (await this.store.get(id))?.state.account;
  }
}
