/**
 * Writes what is made from the schemas in the code: `npm run generate`. With `--check` it writes nothing, and fails
 * when a file is not as it would write it.
 */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { format } from 'oxfmt';
import * as z from 'zod';
import { accountPrefix, accountVariables, variables } from '../src/config/index.ts';
import { jobData, type JobDataInput } from '../src/domain/wire/job-data.ts';
import { beat, claimCall, keepAnswer } from '../src/adapters/tools/scripts.ts';
import { bullmqLua } from './bullmq-lua.ts';
import { callbackSchema } from './callback-schema.ts';
import { toolJobSchema, toolResultSchema } from './tool-schemas.ts';

const root = join(import.meta.dirname, '..');

export const jobExamples: readonly JobDataInput[] = [
  { request: { model: 'gpt-5-mini', input: 'Name three rivers.' } },
  {
    kind: 'responses',
    request: { model: 'gpt-5', input: 'Sum up the minutes.', reasoning: { effort: 'low' } },
    deadline_seconds: 300,
    priority: 10,
    label: 'nightly-summaries',
    on_ambiguous: 'retry',
    metadata: { customer: '42' },
  },
  {
    kind: 'assistants',
    request: { assistant_id: 'asst_1', thread_id: 'thread_1' },
    accepted_at: '2026-11-20T09:30:00.000Z',
  },
];

function jobSchema(): Record<string, unknown> {
  const { $schema, properties, ...rest } = z.toJSONSchema(jobData, { io: 'input', target: 'draft-2020-12' });
  const { metadata, ...others } = properties ?? {};
  if (typeof metadata !== 'object') throw new Error('The job data have no metadata any more.');
  return {
    $schema,
    title: 'Job data of the queue "runs"',
    description:
      'What any BullMQ client may add to the queue `runs` under the prefix `{runfleet}` (RUNFLEET_PREFIX). ' +
      'The id of the job is the id of the run; give a unique one, without colons and not a number, or let BullMQ choose. ' +
      'Data that does not fit fails at once and is kept. What is left out takes its default. ' +
      'The job’s result is the run, as `GET /v1/runs/{id}` shows it.',
    examples: jobExamples,
    ...rest,
    // Rules that zod checks in code, and so does not write down itself.
    properties: { ...others, metadata: { ...metadata, maxProperties: 64 } },
    anyOf: [{ required: ['request'] }, { required: ['request_stored'] }],
  };
}

/** The first group that matches takes a variable; the last one takes what is left. */
const groups: readonly { readonly title: string; readonly matches: RegExp }[] = [
  { title: 'Connections', matches: /^REDIS_URL$|^OPENAI_|_(ACCOUNTS|POOLS)$/ },
  { title: 'HTTP', matches: /_(HOST|PORT|API_KEYS|METRICS_PORT)$/ },
  { title: 'Looking at runs', matches: /_(POLL|BACKOFF)_/ },
  { title: 'Quota', matches: /_(RPM|TPM|COUNT_\w+|LIMIT\w*)$/ },
  { title: 'Runs', matches: /_(DEADLINE|KEEP|CALLBACK|TOOLS)_/ },
  { title: 'Processes', matches: /^/ },
];

function configuration(): string {
  const sections = groups.map(({ title }, at) => {
    const rows = Object.entries(variables)
      .filter(([name]) => groups.findIndex((group) => group.matches.test(name)) === at)
      .map(([name, schema]) => row(name, schema));
    if (rows.length === 0) return '';
    return `## ${title}\n\n| variable | default | accepts | meaning |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`;
  });
  return `<!-- Made from src/config/schema.ts by \`npm run generate\`: change it there. -->

# Configuration

All of it comes from the environment. An empty variable counts as unset. A wrong value stops the process at once, with
all errors listed; values are never printed, since they may be secrets. \`npx runfleet doctor\` looks at the whole.

${sections.filter((section) => section !== '').join('\n')}
## Accounts

Each name in \`RUNFLEET_ACCOUNTS\` has variables of its own, with the name in capitals and \`-\` as \`_\`: the key of
\`eu-west\` is \`RUNFLEET_ACCOUNT_EU_WEST_API_KEY\`. See [accounts.md](accounts.md).

| variable | default | accepts | meaning |
| --- | --- | --- | --- |
${Object.entries(accountVariables)
  .map(([name, schema]) => row(`${accountPrefix}<NAME>_${name}`, schema))
  .join('\n')}

The commands for people read \`RUNFLEET_URL\` and \`RUNFLEET_API_KEY\` besides: see [cli.md](cli.md).
`;
}

function row(name: string, schema: z.ZodType): string {
  const cells = [`\`${name}\``, defaultOf(schema), accepts(schema), schema.description ?? ''];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function defaultOf(schema: z.ZodType): string {
  const parsed = schema.safeParse(undefined);
  if (!parsed.success) return 'none: it must be set';
  const { data } = parsed;
  return typeof data === 'string' || typeof data === 'number' ? `\`${data}\`` : '';
}

const shapeOf = z.object({
  type: z.string().optional(),
  enum: z.array(z.string()).optional(),
  minimum: z.number().optional(),
  exclusiveMinimum: z.number().optional(),
  maximum: z.number().optional(),
});

function accepts(schema: z.ZodType): string {
  const shape = shapeOf.parse(z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any' }));
  if (shape.enum !== undefined) return shape.enum.map((value) => `\`${value}\``).join(', ');
  const number = { integer: 'whole number', number: 'number' }[shape.type ?? ''];
  if (number === undefined) return 'text';
  const { minimum, exclusiveMinimum, maximum } = shape;
  const limits = [
    minimum === undefined ? null : `from ${minimum}`,
    exclusiveMinimum === undefined ? null : `above ${exclusiveMinimum}`,
    // Zod writes down the largest safe integer where there is no limit.
    maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? null : `to ${maximum}`,
  ];
  return [number, ...limits.filter((limit) => limit !== null)].join(' ');
}

/** What our own tool workers do beside BullMQ, for those in other languages. */
function toolScripts(): Record<string, string> {
  const origin = 'made by npm run generate from src/adapters/tools/scripts.ts';
  return Object.fromEntries(
    Object.entries({ beat, claimCall, keepAnswer }).map(([name, { lua }]) => [
      `examples/runfleet-lua/${name}.lua`,
      `-- ${name} of runfleet: ${origin}.\n${lua}`,
    ]),
  );
}

/** Paths in the repository, with what belongs there. */
export async function generate(): Promise<Record<string, string>> {
  const lua = Object.entries(await bullmqLua(root)).map(([name, text]) => [
    `examples/bullmq-lua/${name}`,
    text,
  ]);
  return {
    ...Object.fromEntries(lua),
    ...toolScripts(),
    'schemas/run.schema.json': await formatted('run.schema.json', JSON.stringify(jobSchema())),
    'schemas/tool-job.schema.json': await formatted('tool-job.schema.json', JSON.stringify(toolJobSchema())),
    'schemas/tool-result.schema.json': await formatted(
      'tool-result.schema.json',
      JSON.stringify(toolResultSchema()),
    ),
    'schemas/callback.schema.json': await formatted('callback.schema.json', JSON.stringify(callbackSchema())),
    'docs/configuration.md': await formatted('configuration.md', configuration()),
  };
}

/** As the formatter leaves it, so that `npm run format` changes nothing. */
async function formatted(name: string, text: string): Promise<string> {
  const { code, errors } = await format(name, text, { printWidth: 110, singleQuote: true });
  if (errors.length > 0) throw new Error(`${name} cannot be formatted: ${JSON.stringify(errors)}`);
  return code;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
  for (const [path, text] of Object.entries(await generate())) {
    const file = join(root, path);
    if ((await readFile(file, 'utf8').catch(() => '')) === text) continue;
    if (values.check) {
      process.stderr.write(`${path} is out of date: npm run generate\n`);
      process.exitCode = 1;
    } else {
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
      process.stdout.write(`${path} written\n`);
    }
  }
}

if (import.meta.main) await main();
