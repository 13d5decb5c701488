import type { FaultRule, SimulatorOptions } from '../../simulator/index.ts';
import type { Context, GlobalOptions } from '../context.ts';
import { exitCodes, UserError } from '../io.ts';
import { integer, parseDistribution, parseDurationMs, parseShare, parseWeights } from '../parse.ts';
import { examples } from './command.ts';
import type { Registration } from './command.ts';

interface SimulateOptions extends GlobalOptions {
  readonly port: number;
  readonly host: string;
  readonly seed?: number;
  readonly duration?: SimulatorOptions['durations'];
  readonly latency?: SimulatorOptions['latencyMs'];
  readonly endings?: NonNullable<SimulatorOptions['endings']>;
  readonly rpm?: number;
  readonly tpm?: number;
  readonly pollAfter?: number;
  readonly errors?: number;
  readonly lostReplies?: number;
  readonly resets?: number;
  readonly streamBreaks?: number;
  readonly assistantsGone?: boolean;
  readonly webhookUrl?: string;
  readonly webhookSecret?: string;
  readonly webhookLatency?: NonNullable<SimulatorOptions['latencyMs']>;
  readonly webhookLoss?: number;
  readonly webhookDuplicates?: number;
}

const largest = 1_000_000_000;

export function registerSimulate({ program, context, finish }: Registration): void {
  const command = program
    .command('simulate')
    .description('serve a stand-in for the OpenAI API until Ctrl-C')
    .option('--port <port>', '0 takes any free one', integer(0, 65_535), 8080)
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .option('--seed <n>', 'equal seeds give equal fates', integer(0, Number.MAX_SAFE_INTEGER))
    .option(
      '--duration <distribution>',
      'how long runs take, such as 4s or lognormal:4s,0.8',
      parseDistribution,
    )
    .option('--latency <distribution>', 'how long each reply takes, such as 50ms', parseDistribution)
    .option('--endings <weights>', 'how runs end, such as completed=8,failed=1,tools=1', parseWeights)
    .option('--rpm <n>', 'calls a minute; 0 = no limit', integer(0, largest))
    .option('--tpm <n>', 'tokens a minute; 0 = no limit', integer(0, largest))
    .option('--poll-after <time>', 'send openai-poll-after-ms with this', (text) =>
      parseDurationMs(text, 'ms'),
    )
    .option('--errors <share>', 'share of calls answered 500', parseShare)
    .option('--lost-replies <share>', 'share of calls carried out but never answered', parseShare)
    .option('--resets <share>', 'share of calls cut off before they are looked at', parseShare)
    .option('--stream-breaks <share>', 'share of streams cut off in the middle', parseShare)
    .option('--webhook-url <url>', 'tell this URL when responses end')
    .option('--webhook-secret <secret>', 'whsec_…, which they are signed with')
    .option('--webhook-latency <distribution>', 'from the end to the webhook', parseDistribution)
    .option('--webhook-loss <share>', 'share of webhooks that are never sent', parseShare)
    .option('--webhook-duplicates <share>', 'share of webhooks that are sent twice', parseShare)
    .option('--assistants-gone', 'answer 404 on every Assistants endpoint, as OpenAI does today');
  examples(command, [
    'runfleet simulate',
    'runfleet simulate --port 8080 --seed 7 --duration lognormal:4s,0.8 --rpm 3000',
    'runfleet simulate --duration bimodal:2s,40s,0.3 --errors 0.05 --lost-replies 0.01',
  ]).action(async () => {
    await simulate(context, command.optsWithGlobals<SimulateOptions>());
    finish(exitCodes.ok);
  });
}

async function simulate(context: Context, options: SimulateOptions): Promise<void> {
  const { out } = context;
  const stop = context.interrupted();
  const simulator = await start(context, options);
  try {
    const { baseUrl, port } = simulator;
    if (options.json === true) out.json({ baseUrl, port });
    else {
      out.line(`The simulator listens on ${baseUrl}`);
      out.line(`  runfleet  OPENAI_BASE_URL=${baseUrl} OPENAI_API_KEY=sk-simulated npx runfleet all`);
      out.line(`  SDK       new OpenAI({ baseURL: '${baseUrl}', apiKey: 'sk-simulated' })`);
      out.line(`  ledger    curl ${baseUrl.replace(/\/v1$/, '')}/_sim/ledger`);
    }
    out.message('Ctrl-C stops it.');
    await new Promise<void>((resolve) => {
      if (stop.aborted) resolve();
      else stop.addEventListener('abort', () => resolve(), { once: true });
    });
  } finally {
    await simulator.close();
  }
}

async function start(context: Context, options: SimulateOptions) {
  try {
    return await context.deps.startSimulator(simulatorOptions(options));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if (error.name === 'SimulatorOptionsError') throw new UserError(error.message, { cause: error });
    const code = 'code' in error ? error.code : null;
    if (code === 'EADDRINUSE') {
      throw new UserError(
        `Port ${options.port} is in use. Choose another with --port, or any with --port 0.`,
      );
    }
    if (code === 'EACCES' || code === 'EADDRNOTAVAIL') {
      throw new UserError(`Cannot listen on ${options.host} port ${options.port} (${code}).`);
    }
    throw error;
  }
}

/** What was not given stays unset: the simulator knows its own defaults. */
export function simulatorOptions(options: SimulateOptions): SimulatorOptions {
  const rules: FaultRule[] = [
    { operation: '*' as const, fault: { type: 'reset' as const }, probability: options.resets ?? 0 },
    {
      operation: '*' as const,
      fault: { type: 'lost_reply' as const },
      probability: options.lostReplies ?? 0,
    },
    {
      operation: '*' as const,
      fault: { type: 'http_error' as const, status: 500 },
      probability: options.errors ?? 0,
    },
    {
      operation: ['responses.create', 'responses.retrieve'] as const,
      fault: { type: 'stream_break' as const, afterEvents: 5, midEvent: true },
      probability: options.streamBreaks ?? 0,
    },
  ].filter((rule) => rule.probability > 0);
  return {
    port: options.port,
    host: options.host,
    ...(options.seed === undefined ? {} : { seed: options.seed }),
    ...(options.duration === undefined ? {} : { durations: options.duration }),
    ...(options.latency === undefined ? {} : { latencyMs: options.latency }),
    ...(options.endings === undefined ? {} : { endings: options.endings }),
    ...(options.rpm === undefined ? {} : { requestsPerMinute: options.rpm }),
    ...(options.tpm === undefined ? {} : { tokensPerMinute: options.tpm }),
    ...(options.pollAfter === undefined ? {} : { pollAfterMs: options.pollAfter }),
    ...(options.assistantsGone === undefined ? {} : { assistantsGone: options.assistantsGone }),
    ...webhookOptions(options),
    ...(rules.length === 0 ? {} : { faults: { rules } }),
  };
}

function webhookOptions(options: SimulateOptions): Pick<SimulatorOptions, 'webhooks'> {
  const { webhookUrl: url, webhookSecret: secret } = options;
  if (url === undefined && secret === undefined) return {};
  if (url === undefined || secret === undefined)
    throw new UserError('--webhook-url and --webhook-secret go together.');
  return {
    webhooks: {
      url,
      secret,
      ...(options.webhookLatency === undefined ? {} : { latencyMs: options.webhookLatency }),
      ...(options.webhookLoss === undefined ? {} : { lossProbability: options.webhookLoss }),
      ...(options.webhookDuplicates === undefined ? {} : { duplicateProbability: options.webhookDuplicates }),
    },
  };
}
