import { describe, expect, it } from 'vitest';
import type { CliDeps } from '../../../src/cli/context.ts';
import { run } from './harness.ts';

const commands = [
  'api',
  'runs',
  'tools',
  'callbacks',
  'all',
  'enqueue',
  'get',
  'wait',
  'list',
  'cancel',
  'redrive',
  'simulate',
  'doctor',
];

describe('help', () => {
  it.each(commands)('%s --help has an example', async (command) => {
    const { code, stdout, stderr } = await run([command, '--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(new RegExp(`Usage: runfleet ${command}`));
    expect(stdout).toMatch(new RegExp(`Examples:\\n(?:.*\\n)*.*runfleet ${command}`));
  });

  it('lists every command', async () => {
    const { code, stdout } = await run(['--help']);
    expect(code).toBe(0);
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^ {2}${command}\\b`, 'm'));
  });

  it('is shown, as a failure, when there is no command', async () => {
    const { code, stdout, stderr } = await run([]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('Usage: runfleet');
  });

  it('--version prints that of the package', async () => {
    expect(await run(['--version'])).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
      stderr: '',
    });
  });
});

describe('wrong use', () => {
  it.each([
    [['lst'], "runfleet: unknown command 'lst' (Did you mean list?)\n"],
    [['list', '--limt', '3'], "runfleet: unknown option '--limt' (Did you mean --limit?)\n"],
    [['get'], "runfleet: missing required argument 'id'\n"],
    [['list', '--limit', '0'], /argument '0' is invalid\. Write a whole number from 1 to 1000000\.\n$/],
    [['list', '--status', 'done'], /Allowed choices are accepted, creating/],
    [['wait', 'run_1', '--timeout', 'soon'], /Write a time such as 250ms, 4s, 10m or 2h\.\n$/],
    [['enqueue', '--metadata', 'x'], /Write key=value\.\n$/],
    [['enqueue'], /^runfleet: Nothing to run\. Give --model and --input, or --request, or --file\.\n$/],
    [['enqueue', '--model', 'm'], /^runfleet: Nothing to run\./],
    [['enqueue', '--model', 'm', '--request', '{}'], /--request is the whole request/],
    [['enqueue', '--request', '[1]'], /^runfleet: --request is not a JSON object\./],
    [
      ['enqueue', '--request', '@/no/such/file'],
      'runfleet: Cannot read /no/such/file: there is no such file.\n',
    ],
    [['enqueue', '--file', '/no/such/file'], /Cannot read \/no\/such\/file: there is no such file\.\n$/],
    [['enqueue', '--file', '/tmp'], /Cannot read \/tmp: it is a folder\.\n$/],
    [['enqueue', '--file', 'x', '--model', 'm'], /--model is for one run/],
    [['enqueue', '--kind', 'assistants', '--model', 'm', '--input', 'x'], /For assistants give --request/],
    [['simulate', '--duration', 'gauss:1s'], /Write 4s, or fixed:4s/],
    [['get', ''], 'runfleet: A run id is needed.\n'],
  ])('%j: one line, exit 1', async (argv, message) => {
    const { code, stdout, stderr } = await run(argv);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(stderr).not.toContain('    at ');
  });
});

describe('processes', () => {
  it.each(['api', 'runs', 'tools', 'all'])(
    '%s starts that process, with the environment it was given',
    async (role) => {
      const started: unknown[] = [];
      const startProcess: CliDeps['startProcess'] = (...args) => Promise.resolve(void started.push(args));
      const env = { REDIS_URL: 'redis://10.0.0.5' };
      expect(await run([role], { env, deps: { startProcess } })).toMatchObject({ code: 0 });
      expect(started).toEqual([[role, env]]);
    },
  );

  it('says line by line what a process cannot start without', async () => {
    const error = Object.assign(new Error('"runfleet runs" needs:\n  REDIS_URL\n  OPENAI_API_KEY'), {
      name: 'StartError',
    });
    const { code, stderr } = await run(['runs'], { deps: { startProcess: () => Promise.reject(error) } });
    expect({ code, stderr }).toEqual({ code: 1, stderr: `runfleet: ${error.message}\n` });
  });

  it('shows the stack of a bug only when asked', async () => {
    const deps = { startProcess: () => Promise.reject(new Error('a bug')) };
    const quiet = await run(['api'], { deps });
    expect(quiet.stderr).toBe('runfleet: a bug This should not happen; --debug shows where it came from.\n');
    const loud = await run(['api', '--debug'], { deps });
    expect(loud.stderr).toContain('    at ');
  });
});
