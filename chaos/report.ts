/** The verdict for people, and the stories of the runs that broke a promise. */

import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { styleText } from 'node:util';
import type { Breach, Check } from './checks/check.ts';
import { checks } from './checks/index.ts';
import type { Evidence } from './evidence.ts';
import { story } from './story.ts';

export interface Finding {
  readonly check: Check;
  readonly breaches: readonly Breach[];
}

const mostStories = 5;

export function judge(evidence: Evidence): Finding[] {
  return checks.map((check) => ({ check, breaches: check.find(evidence) }));
}

export function table(findings: readonly Finding[], evidence: Evidence, colour: boolean): string {
  const lines = findings.flatMap(({ check, breaches }) => {
    const kept = breaches.length === 0;
    const mark = paint(colour, kept ? 'green' : 'red', kept ? 'kept  ' : 'BROKEN');
    const head = `  ${mark}  ${check.name.padEnd(30)} ${check.seen(evidence)}`;
    if (kept) return [head];
    const shown = breaches
      .slice(0, 10)
      .map(({ what, runIds }) => `            ${[...runIds, what].join(' ')}`);
    const more = breaches.length > 10 ? [`            … and ${breaches.length - 10} more`] : [];
    return [head, `            ${check.promise}`, ...shown, ...more];
  });
  return `${lines.join('\n')}\n`;
}

/** Writes the stories, the logs and all the evidence where they can be read. Returns the folder. */
export async function keep(findings: readonly Finding[], evidence: Evidence, seed: number): Promise<string> {
  const folder = join(tmpdir(), `runfleet-chaos-${seed}-${Date.now()}`);
  await mkdir(folder, { recursive: true });
  const guilty = [...new Set(findings.flatMap(({ breaches }) => breaches.flatMap(({ runIds }) => runIds)))];
  await Promise.all([
    writeFile(join(folder, 'stories.md'), guilty.map((id) => story(id, evidence)).join('\n')),
    writeFile(join(folder, 'verdict.txt'), table(findings, evidence, false)),
    writeFile(
      join(folder, 'deeds.json'),
      JSON.stringify({ deeds: evidence.deeds, lives: evidence.lives }, null, 2),
    ),
    writeFile(
      join(folder, 'log.ndjson'),
      evidence.logs.map(({ member, pid, line }) => `${member} ${pid} ${line}`).join('\n'),
    ),
    writeFile(join(folder, 'keys.txt'), evidence.keys.map(({ key, ttlMs }) => `${key} ${ttlMs}`).join('\n')),
  ]);
  return folder;
}

export function stories(findings: readonly Finding[], evidence: Evidence): string {
  const guilty = new Set(findings.flatMap(({ breaches }) => breaches.flatMap(({ runIds }) => runIds)));
  return [...guilty]
    .slice(0, mostStories)
    .map((id) => story(id, evidence))
    .join('\n');
}

const paint = (on: boolean, format: 'red' | 'green', text: string): string =>
  on ? styleText(format, text) : text;
