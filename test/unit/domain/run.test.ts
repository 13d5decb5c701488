import { describe, expect, it } from 'vitest';
import { isProviderFault, ProviderFault } from '../../../src/domain/fault.ts';
import { initialState, noCalls, type RunState, statusOf, totalCalls } from '../../../src/domain/run.ts';
import { isTerminal, openStatuses, runStatuses, terminalStatuses } from '../../../src/domain/status.ts';
import { accepted, aFault, creating, ended, fetching, following, t0 } from '../../support/fakes/builders.ts';

const cancel = { reason: 'caller', atMs: t0 } as const;

describe('statusOf', () => {
  const table: readonly [string, RunState, string][] = [
    ['accepted', accepted(), 'accepted'],
    ['creating', creating(), 'creating'],
    ['queued at the provider', following({ status: 'queued' }), 'queued'],
    ['in progress', following(), 'in_progress'],
    ['waiting for tools', following({ status: 'requires_action' }), 'requires_action'],
    ['cancelling at the provider', following({ status: 'cancelling' }), 'cancelling'],
    ['of an unknown status', following({ status: 'unknown' }), 'in_progress'],
    ['cancel asked for, not yet sent', following({ cancel }), 'in_progress'],
    ['cancel sent', following({ cancel, cancelSentAtMs: t0 }), 'cancelling'],
    ['reading the output', fetching(), 'in_progress'],
    ['ended', ended({ status: 'lost' }), 'lost'],
  ];
  it.each(table)('%s', (_name, state, status) => {
    expect(statusOf(state)).toBe(status);
  });
});

describe('statuses', () => {
  it('are open or terminal, never both', () => {
    expect(openStatuses.filter(isTerminal)).toEqual([]);
    expect(terminalStatuses.filter(isTerminal)).toEqual([...terminalStatuses]);
    expect(new Set(runStatuses).size).toBe(runStatuses.length);
    expect(runStatuses).toHaveLength(openStatuses.length + terminalStatuses.length);
  });
});

describe('calls', () => {
  it('start at none and add up', () => {
    expect(totalCalls(noCalls)).toBe(0);
    expect(totalCalls({ create: 1, retrieve: 2, submit: 4, cancel: 8, list: 16 })).toBe(31);
    expect(initialState(t0)).toMatchObject({ phase: 'accepted', wakeAtMs: t0, calls: noCalls });
  });
});

describe('isProviderFault', () => {
  it('knows a fault by its name, across bundles, and nothing else', () => {
    const fault = new ProviderFault(aFault('refused'), { cause: 'x' });
    expect(isProviderFault(fault)).toBe(true);
    expect(fault).toMatchObject({ message: 'It is refused.', cause: 'x' });
    expect(isProviderFault(new Error('ProviderFault'))).toBe(false);
    expect(isProviderFault({ name: 'ProviderFault' })).toBe(false);
    expect(isProviderFault(null)).toBe(false);
  });
});
