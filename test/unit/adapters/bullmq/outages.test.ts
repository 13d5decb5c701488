import { expect, it } from 'vitest';
import type { LateReply } from '../../../../src/adapters/bullmq/late-replies.ts';
import { Outages } from '../../../../src/adapters/bullmq/outages.ts';
import { StoreUnavailableError } from '../../../../src/domain/errors.ts';
import { systemClock } from '../../../../src/runtime/clock.ts';
import { eventually } from '../../../support/eventually.ts';
import { creating, following } from '../../../support/fakes/builders.ts';
import { RecordingTelemetry } from '../../../support/fakes/telemetry.ts';

const create = { intentAtMs: 1, formerId: null };
const minuteMs = 60_000;

it('tells again what is known when Redis takes it, not what was known when it failed', async () => {
  let refuses = true;
  const refused: string[] = [];
  const left = new Map<string, LateReply>();
  const leave = async (id: string, reply: LateReply): Promise<void> => {
    await Promise.resolve();
    if (refuses) {
      refused.push(id);
      throw new StoreUnavailableError('Out of memory.');
    }
    left.set(id, reply);
  };
  const telemetry = new RecordingTelemetry();
  const outages = new Outages({ clock: systemClock, telemetry, leave });
  const nowMs = systemClock.nowMs();
  for (const id of ['answered', 'refused', 'out'])
    outages.sent.note(id, { ...create, state: creating() }, nowMs);
  outages.note();
  await eventually(
    'a first try',
    () => refused,
    (ids) => ids.length > 0,
  );
  // Long afterwards, as a trouble may last.
  outages.sent.note('answered', { ...create, state: following() }, nowMs + minuteMs);
  outages.sent.drop('refused');
  refuses = false;
  await eventually(
    'all to be told',
    () => left,
    (told) => told.has('out'),
  );
  expect([...left].map(([id, { state }]) => [id, state.phase])).toEqual([
    ['answered', 'following'],
    ['out', 'creating'],
  ]);
  expect(telemetry.logged('error')).toEqual([]);
  outages.giveUp();
});

it('forgets by itself what Redis has surely written', () => {
  const outages = new Outages({
    clock: systemClock,
    telemetry: new RecordingTelemetry(),
    leave: () => Promise.resolve(),
  });
  outages.sent.note('old', { ...create, state: creating() }, 0);
  outages.sent.note('new', { ...create, state: creating() }, minuteMs);
  expect(outages.sent.runIds()).toEqual(['new']);
});
