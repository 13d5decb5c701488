import { readFileSync } from 'node:fs';
import process from 'node:process';
import type { Context, FleetOptions } from '../context.ts';
import { exitCodes } from '../io.ts';
import type { Style } from '../output.ts';
import { printable } from '../output.ts';
import { setting } from '../doctor/finding.ts';
import type { Finding, Verdict } from '../doctor/finding.ts';
import { checkFleet } from '../doctor/fleet.ts';
import { checkProviders } from '../doctor/provider.ts';
import { checkRedis } from '../doctor/redis.ts';
import { accountsOf, checkApiKeys, checkConfiguration, checkWebhookSecret } from '../doctor/settings.ts';
import { checkToolsModule } from '../doctor/tools-module.ts';
import { redactorFor } from '../redact.ts';
import { examples, withFleet } from './command.ts';
import type { Registration } from './command.ts';

export function registerDoctor({ program, context, finish }: Registration): void {
  const command = program
    .command('doctor')
    .description('check Redis, the provider, the settings and the API, and say what to do: exits 1 if any ✗');
  examples(withFleet(command), [
    'runfleet doctor',
    'REDIS_URL=redis://10.0.0.5:6379 runfleet doctor --url http://10.0.0.6:3000',
    'runfleet doctor --json | jq \'.findings[] | select(.verdict != "ok")\'',
  ]).action(async () => {
    const options = command.optsWithGlobals<FleetOptions>();
    const findings = await diagnose(context, options);
    const healthy = findings.every(({ verdict }) => verdict !== 'fail');
    if (options.json === true) context.out.json({ ok: healthy, findings });
    else show(context, findings);
    finish(healthy ? exitCodes.ok : exitCodes.failed);
  });
}

const readFile = (path: string): string => readFileSync(path, 'utf8');

async function diagnose(context: Context, options: FleetOptions): Promise<Finding[]> {
  const { io, deps } = context;
  const { env } = io;
  const client = context.client(options, { maxRetries: 0 });
  const accounts = accountsOf(env, readFile);
  const asked = (options.url ?? setting(env, 'RUNFLEET_URL')) !== undefined;
  const [redis, provider, fleet, tools] = await Promise.all([
    checkRedis({
      url: setting(env, 'REDIS_URL') ?? null,
      connect: (url) => deps.connectRedis(url),
      nowMs: () => io.nowMs(),
      env,
    }),
    checkProviders(env, accounts, deps.fetch ?? fetch),
    checkFleet(client, { asked }),
    checkToolsModule(env, process.cwd()),
  ]);
  const settings = [checkConfiguration(env, readFile), checkWebhookSecret(env), checkApiKeys(env)];
  const redact = redactorFor(env, [options.apiKey, ...(accounts ?? []).map(({ apiKey }) => apiKey)]);
  const safe = (finding: Finding): Finding => ({ ...finding, message: redact(finding.message) });
  return [...redis, ...provider, ...settings, ...tools, ...fleet].map(safe);
}

const marks: Readonly<Record<Verdict, readonly [mark: string, style: Style]>> = {
  ok: ['✓', 'green'],
  warn: ['!', 'yellow'],
  fail: ['✗', 'red'],
};

function show(context: Context, findings: readonly Finding[]): void {
  const { out } = context;
  for (const { verdict, message, advice } of findings) {
    const [mark, style] = marks[verdict];
    out.line(`${out.paint(style, mark)} ${printable(message)}`);
    if (advice !== undefined) out.line(`    ${out.paint('dim', printable(advice))}`);
  }
  const count = (wanted: Verdict): number => findings.filter(({ verdict }) => verdict === wanted).length;
  out.message(`${count('ok')} in order, ${count('warn')} to look at, ${count('fail')} wrong.`);
}
