/** The account of a run is written with the intent to create, and the same from then on. */

import { expect, it } from 'vitest';
import { beginCall } from '../../../src/domain/decide.ts';
import type { RunEvent } from '../../../src/domain/decision.ts';
import type { RunState } from '../../../src/domain/run.ts';
import { onAccount } from '../../../src/domain/run-account.ts';
import {
  accepted,
  aFault,
  creating,
  fetching,
  following,
  over,
  running,
  seconds,
} from '../../support/fakes/builders.ts';
import { decideAt, faulted, replied } from './given.ts';

it('stands in the intent', () => {
  expect(beginCall(onAccount(accepted(), 'eu'), 'create', 1)).toMatchObject({
    phase: 'creating',
    account: 'eu',
  });
});

it.each<[string, RunState, RunEvent]>([
  ['the create is answered', creating(), replied('create', running())],
  ['the create is answered at its end', creating(), replied('create', over())],
  ['the fate of the create is unknown', creating(), faulted('create', aFault('unclear'))],
  ['the create is refused for good', creating(), faulted('create', aFault('refused'))],
  ['the run is found again', creating(), { type: 'found', snapshot: running() }],
  ['a look finds it running', following(), replied('retrieve', running())],
  ['a look finds it over', following(), replied('retrieve', over())],
  ['a look fails', following(), faulted('retrieve', aFault('throttled'))],
  ['its output is read', fetching(), { type: 'outputFetched', output: { text: 'Yes.', items: [] } }],
])('stays when %s', (_, state, event) => {
  expect(decideAt(seconds(1), onAccount(state, 'eu'), event).state.account).toBe('eu');
});

it.each(['throttled', 'unavailable', 'conflict'] as const)('is open again when the create was %s', (type) => {
  const { state } = decideAt(seconds(1), onAccount(creating(), 'eu'), faulted('create', aFault(type)));
  expect(state).toMatchObject({ phase: 'accepted' });
  expect(state).not.toHaveProperty('account');
});

it.each([
  [true, { phase: 'accepted' }],
  [false, { phase: 'ended', status: 'rejected' }],
])('is open again after a 401 where there is another: %s', (canMove, state) => {
  const decision = decideAt(
    seconds(1),
    onAccount(creating(), 'eu'),
    faulted('create', aFault('unauthorized')),
    {
      canMove,
    },
  );
  expect(decision.state).toMatchObject(state);
});
