import { describe, expect, it } from 'vitest';
import * as assistants from '../../../../src/adapters/openai-assistants/request.ts';
import * as responses from '../../../../src/adapters/openai-responses/request.ts';
import { chainOf, chainOfKey, traitsOfSeen } from '../../../../src/domain/polling/class-key.ts';
import { lookedAt, replayed } from '../../../../src/domain/polling/regret.ts';
import { backoffSchedule, boundedSchedule, defaultBackoff } from '../../../../src/domain/poll-schedule.ts';
import { jobData } from '../../../../src/domain/wire/job-data.ts';
import { specOf, traitsData } from '../../../../src/domain/wire/spec.ts';
import { anOutcome, ended, seconds, t0 } from '../../../support/fakes/builders.ts';

const modelOf = (model: string) => traitsOfSeen({ model }).model;

describe('the traits of a request', () => {
  it('names model, effort, stored prompt and tools of a response, and nothing that was written', () => {
    const request = {
      model: 'gpt-5',
      input: 'Secret words.',
      instructions: 'More of them.',
      reasoning: { effort: 'high', summary: 'auto' },
      prompt: { id: 'pmpt_1', variables: { name: 'Ann' } },
      tools: [{ type: 'function', name: 'weather', description: 'Secret.' }, { type: 'web_search' }],
    };
    expect(responses.traitsOf(request)).toEqual({
      model: 'gpt-5',
      reasoningEffort: 'high',
      template: 'pmpt_1',
      tools: 'weather+web_search',
    });
  });

  it('names what an assistants run overrides', () => {
    const tools = [{ type: 'function', function: { name: 'b' } }, { type: 'file_search' }];
    expect(
      assistants.traitsOf({ assistant_id: 'asst_1', model: 'gpt-4o', reasoning_effort: 'low', tools }),
    ).toEqual({ model: 'gpt-4o', reasoningEffort: 'low', template: 'asst_1', tools: 'b+file_search' });
  });

  it.each([{}, { model: 7, tools: 'all', reasoning: null, prompt: [] }, { tools: [null, 3, { name: 1 }] }])(
    'takes any request: %j',
    (request) => {
      expect(responses.traitsOf(request)).toEqual({});
      expect(assistants.traitsOf(request)).toEqual({});
    },
  );

  it('stays small, and fits the job data', () => {
    const long = 'x'.repeat(10_000);
    const toolNames = Array.from({ length: 500 }, (_, i) => `${long}${i}`);
    const traits = traitsOfSeen({ model: long, reasoningEffort: long, template: long, toolNames });
    expect(JSON.stringify(traits).length).toBeLessThan(350);
    const data = jobData.parse({ request: {}, traits: traitsData(traits) });
    expect(specOf('r', data, { queuedAtMs: t0, defaultDeadlineSeconds: 1 }).traits).toEqual(traits);
  });

  it('tells long names apart, and tools only by what they are', () => {
    const long = 'x'.repeat(100);
    expect(modelOf(`${long}a`)).not.toBe(modelOf(`${long}b`));
    expect(traitsOfSeen({ toolNames: ['b', 'a', 'b'] })).toEqual(traitsOfSeen({ toolNames: ['a', 'b'] }));
  });
});

describe('the chain of a class', () => {
  it('goes from the narrowest to the kind, and can be read off its key', () => {
    const spec = { kind: 'responses', label: 'n:1' } as const;
    const traits = { model: 'x'.repeat(100), reasoningEffort: 'high', template: 'p', tools: 'a+b' };
    const chain = chainOf(spec, traits);
    expect(chain).toHaveLength(5);
    expect(chain.at(-1)).toBe('responses');
    expect(chainOfKey(chain[0])).toEqual(chain);
    expect(chainOfKey('responses')).toEqual(['responses']);
  });

  it('is the same for names that were cut before', () => {
    const spec = { kind: 'responses', label: null } as const;
    const model = 'y'.repeat(100);
    expect(chainOf(spec, traitsOfSeen({ model }))).toEqual(chainOf(spec, { model }));
  });
});

describe('regret', () => {
  const backoff = backoffSchedule({ ...defaultBackoff, jitter: 0 });

  it('replays a schedule on a run of known duration', () => {
    expect(replayed(backoff, 400)).toEqual({ looks: 1, delayMs: 100 });
    expect(replayed(backoff, 600)).toEqual({ looks: 2, delayMs: 650 });
    expect(replayed(boundedSchedule(backoff, 500), 1400)).toEqual({ looks: 3, delayMs: 100 });
  });

  it('ends, whatever the schedule', () => {
    expect(replayed({ delayMs: () => 1 }, seconds(1e6)).looks).toBe(10_000);
  });

  it('compares only what was found by looking', () => {
    expect(lookedAt(ended(), anOutcome())).toMatchObject({ durationMs: 9000, delayMs: 1000 });
    expect(lookedAt(ended(), anOutcome({ foundBy: 'webhook' }))).toBeNull();
    expect(lookedAt(ended(), anOutcome({ completedAtMs: null }))).toBeNull();
    expect(lookedAt(ended({ startedAtMs: null }), anOutcome())).toBeNull();
  });
});
