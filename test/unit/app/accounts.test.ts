/** Which account carries a run, and what becomes of one whose account is not there. */

import { beforeEach, describe, expect, it } from 'vitest';
import { aFault, seconds, t0 } from '../../support/fakes/builders.ts';
import { TwoAccounts } from '../../support/fakes/two-accounts.ts';

let world: TwoAccounts;
beforeEach(() => {
  world = new TwoAccounts();
});

describe('a run that names an account', () => {
  it('makes every call there, under its quota', async () => {
    await world.add('run-1', { account: 'eu' });
    await expect(world.live()).resolves.toMatchObject({ status: 'completed' });
    expect(world.euResponses.calls[0]?.call).toBe('create');
    expect(world.euGate.asked.length).toBe(world.euResponses.calls.length);
    expect(world.responses.calls).toEqual([]);
    expect(world.gate.asked).toEqual([]);
    await expect(world.accountOf()).resolves.toBe('eu');
  });

  it('has it on record before the create is sent', async () => {
    await world.add('run-1', { account: 'eu' });
    await world.step();
    expect(world.store.savedStates('run-1')[0]).toMatchObject({ phase: 'creating', account: 'eu' });
  });

  it('takes the default account when it names none', async () => {
    await world.add();
    await world.step();
    expect(world.euResponses.calls).toEqual([]);
    await expect(world.accountOf()).resolves.toBe('default');
  });

  it('leaves the other accounts alone when its own pauses or refuses the key', async () => {
    await world.add('run-1', { account: 'eu' });
    world.euResponses.failNext('create', aFault('unauthorized'));
    await world.step();
    expect(world.euHealth.reports).toHaveLength(1);
    expect(world.health.reports).toHaveLength(0);
  });
});

describe('a pool', () => {
  it('goes on to the next account while the best is paused, and gives its place back', async () => {
    await world.add('run-1', { account: 'any' });
    world.gate.denyNext(t0 + seconds(5), 'quota', 'place 1');
    await world.step();
    await expect(world.accountOf()).resolves.toBe('default');
    world.gate.denyNext(t0 + seconds(3600), 'paused');
    await world.stepWhenDue();
    await expect(world.accountOf()).resolves.toBe('eu');
    expect(world.gate.givenBack).toEqual(['place 1']);
    expect(world.gate.settled.get('run-1')).toBe(0);
    expect([world.responses.count('create'), world.euResponses.count('create')]).toEqual([0, 1]);
  });

  it('waits for the one that opens first when all are paused', async () => {
    await world.add('run-1', { account: 'any' });
    world.gate.denyNext(t0 + seconds(60), 'paused');
    world.euGate.denyNext(t0 + seconds(20), 'paused');
    await world.step();
    expect(world.store.dueAtMs('run-1')).toBe(t0 + seconds(20));
  });

  it('takes a run elsewhere that one account turned away', async () => {
    await world.add('run-1', { account: 'any' });
    world.responses.failNext('create', aFault('unauthorized'));
    await world.step();
    await world.stepWhenDue();
    await expect(world.accountOf()).resolves.toBe('eu');

    await world.add('run-2', { account: 'any' });
    world.clock.advance(seconds(61));
    world.responses.failNext('create', aFault('throttled', { retryAfterMs: seconds(500) }));
    await world.step('run-2');
    await world.stepWhenDue('run-2');
    await expect(world.accountOf('run-2')).resolves.toBe('eu');
    expect(world.clock.nowMs() - t0).toBeLessThan(seconds(70));
  });

  it('rejects a run that every account refuses', async () => {
    await world.add('run-1', { account: 'any' });
    world.responses.failNext('create', aFault('unauthorized'));
    world.euResponses.failNext('create', aFault('unauthorized'));
    await expect(world.live()).resolves.toMatchObject({ status: 'rejected' });
    expect([world.responses.count('create'), world.euResponses.count('create')]).toEqual([1, 1]);
  });

  it('stays where its create may have happened', async () => {
    await world.add('run-1', { account: 'any', on_ambiguous: 'retry' });
    world.responses.failNext('create', aFault('unclear'), { processed: true });
    await world.step();
    world.gate.denyNext(t0 + seconds(70), 'paused');
    await expect(world.live()).resolves.toMatchObject({ status: 'completed' });
    expect(world.responses.count('create')).toBe(2);
    expect(world.euResponses.calls).toEqual([]);
  });
});

describe('an account that is not there', () => {
  it('rejects a run that has not been created, and says what to name', async () => {
    await world.add('run-1', { account: 'elsewhere' });
    await expect(world.step()).resolves.toMatchObject({
      outcome: {
        status: 'rejected',
        error: { code: 'unknown_account', message: expect.stringContaining('"elsewhere"') },
      },
    });
    expect(world.responses.calls).toEqual([]);
  });

  it('keeps a run that was created waiting, for a worker that has it', async () => {
    await world.add('run-1', { account: 'eu' });
    await world.step();
    const eu = world.accounts.of('eu');
    world.accounts.remove('eu');
    for (let steps = 0; steps < 5; steps += 1) await world.stepWhenDue();
    if (eu === null) throw new Error('There was no such account.');
    world.accounts.add(eu);
    await expect(world.live()).resolves.toMatchObject({ status: 'completed' });
    expect(world.telemetry.logs.filter(({ message }) => message.includes('account'))).toHaveLength(1);
  });

  it('ends it after its deadline, and says why', async () => {
    await world.add('run-1', { account: 'eu', deadline_seconds: 100 });
    await world.step();
    world.accounts.remove('eu');
    const outcome = await world.live();
    expect(outcome).toMatchObject({
      status: 'timed_out',
      error: { message: expect.stringContaining('account or pool "eu"') },
    });
    expect(world.responses.calls).toEqual([]);
  });

  it('never sends a create of unknown fate to another account', async () => {
    await world.add('run-1', { account: 'any', on_ambiguous: 'retry', deadline_seconds: 300 });
    world.responses.failNext('create', aFault('unclear'));
    await world.step();
    world.accounts.remove('default');
    await expect(world.live()).resolves.toMatchObject({ status: 'timed_out' });
    expect(world.euResponses.calls).toEqual([]);
  });
});
