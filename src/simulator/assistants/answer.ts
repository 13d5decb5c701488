import { phaseAt, wholeSeconds } from '../plan.ts';
import { derivedId, excerpt } from '../text.ts';
import type { MessageBody, RunRecord } from './records.ts';

function lastUserText(run: RunRecord): string {
  const message = run.thread.messages.findLast((candidate) => candidate.role === 'user');
  const part = message?.content.find((content) => content.type === 'text');
  return part?.type === 'text' ? part.text.value : '';
}

function answerText(run: RunRecord): string {
  if (run.fate.controls.output !== null) return run.fate.controls.output;
  const asked = excerpt(lastUserText(run));
  return asked === '' ? 'The simulator’s answer.' : `The simulator’s answer to “${asked}”.`;
}

export function answerId(run: RunRecord): string {
  return derivedId('msg', run.id, 0);
}

/**
 * Adds the run's answer to its thread, once, if the run has come to have one. Called before anybody looks at the
 * thread: since a thread has one active run at most, doing it then keeps the messages in order.
 */
export function addAnswer(run: RunRecord, nowMs: number): void {
  if (run.answered) return;
  const { phase, sinceMs } = phaseAt(run.plan, nowMs);
  if (phase !== 'completed' && phase !== 'incomplete') return;
  run.answered = true;
  const complete = phase === 'completed';
  const text = answerText(run);
  run.thread.messages.push({
    id: answerId(run),
    object: 'thread.message',
    created_at: wholeSeconds(sinceMs),
    assistant_id: run.assistantId,
    thread_id: run.thread.id,
    run_id: run.id,
    role: 'assistant',
    content: [
      {
        type: 'text',
        text: { value: complete ? text : text.slice(0, Math.ceil(text.length / 2)), annotations: [] },
      },
    ],
    attachments: [],
    metadata: {},
    status: complete ? 'completed' : 'incomplete',
    completed_at: complete ? wholeSeconds(sinceMs) : null,
    incomplete_at: complete ? null : wholeSeconds(sinceMs),
    incomplete_details: complete ? null : { reason: 'max_tokens' },
  } satisfies MessageBody);
}
