import { describe, expect, it } from 'vitest';
import { Backlog } from '../../../src/app/backlog.ts';
import { BacklogFullError } from '../../../src/domain/errors.ts';
import { ManualClock } from '../../support/fakes/manual-clock.ts';

function rig(limit: number) {
  const clock = new ManualClock(0);
  const counted = { responses: 0, assistants: 0, times: 0 };
  const counts = () => {
    counted.times += 1;
    const { responses, assistants } = counted;
    return Promise.resolve({
      inFlight: { responses, assistants },
      jobs: {},
      dead: { responses: 0, assistants: 0 },
    });
  };
  return { clock, counted, backlog: new Backlog({ counts }, clock, limit) };
}

describe('a backlog', () => {
  it('admits up to its limit, over all kinds, without counting each time', async () => {
    const { backlog, counted } = rig(10);
    counted.responses = 4;
    counted.assistants = 3;
    await backlog.admit(2);
    await backlog.admit(1);
    await expect(backlog.admit(1)).rejects.toThrow(BacklogFullError);
    expect(counted.times).toBe(1);
  });

  it('takes all of a request or nothing', async () => {
    const { backlog } = rig(10);
    await expect(backlog.admit(11)).rejects.toThrow(/RUNFLEET_BACKLOG_LIMIT/);
    await expect(backlog.admit(10)).resolves.toBeUndefined();
  });

  it('sees soon that there is room again', async () => {
    const { backlog, counted, clock } = rig(1);
    await backlog.admit(1);
    await expect(backlog.admit(1)).rejects.toThrow(BacklogFullError);
    counted.responses = 0;
    clock.advance(501);
    await expect(backlog.admit(1)).resolves.toBeUndefined();
  });

  it('asks nobody without a limit', async () => {
    const { backlog, counted } = rig(Infinity);
    await backlog.admit(1_000_000);
    expect(counted.times).toBe(0);
  });
});
