/**
 * Does without Docker what `docker build` and `docker run` do with our Dockerfile: copies what it copies, runs what it
 * runs, and starts its entry point with its environment, as its user. A container's root is a folder here.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  constants,
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  readFile,
  rm,
  stat,
  symlink,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, delimiter, join, resolve } from 'node:path';
import { processEnvironment } from '../../../src/config/index.ts';
import { eventually } from '../eventually.ts';
import { type ImageConfig, imageConfig, type Instruction, parseDockerfile } from './dockerfile.ts';

export const repository = resolve(import.meta.dirname, '../../..');

export interface Image {
  readonly config: ImageConfig;
  /** The folder that stands for the WORKDIR of a container. */
  readonly workdir: string;
  run(command: readonly string[], env?: Readonly<Record<string, string>>): Container;
  remove(): Promise<void>;
}

/** One running `docker run`. */
export interface Container {
  readonly process: ChildProcess;
  /** Standard output and error so far. */
  output(): string;
  /** What Docker would ask: 0 is healthy. */
  health(): Promise<number>;
  /** The exit code; for a signal its name. */
  readonly ended: Promise<number | string>;
  waitFor(text: string): Promise<void>;
}

export async function buildImage(): Promise<Image> {
  const root = await mkdtemp(join(tmpdir(), 'runfleet-image-'));
  const remove = (): Promise<void> => rm(root, { recursive: true, force: true });
  try {
    return { ...(await build(root)), remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function build(root: string): Promise<Omit<Image, 'remove'>> {
  // The user of the container must get in.
  await chmod(root, 0o755);
  const stages = parseDockerfile(await readFile(join(repository, 'Dockerfile'), 'utf8'));
  const path = await searchPath(root);
  for (const stage of stages) {
    let workdir = '/';
    for (const instruction of stage.instructions) {
      const here = join(root, stage.name, workdir);
      if (instruction.name === 'WORKDIR') {
        workdir = instruction.text;
        await mkdir(join(root, stage.name, workdir), { recursive: true });
      } else if (instruction.name === 'COPY') await copy(root, instruction, here);
      else if (instruction.name === 'RUN') await runStep(instruction, here, path);
    }
  }
  const last = stages.at(-1);
  if (last === undefined) throw new Error('The Dockerfile has no stage.');
  const config = imageConfig(last);
  const workdir = join(root, last.name, config.workdir);
  return {
    config,
    workdir,
    run: (command, env = {}) => startContainer(config, workdir, path, command, env),
  };
}

/** Node is that of this test, at a place that every user can reach, as it is in the base image. */
async function searchPath(root: string): Promise<string> {
  const bin = join(root, 'bin');
  await mkdir(bin);
  await copyFile(process.execPath, join(bin, 'node'), constants.COPYFILE_FICLONE);
  const outside = (processEnvironment()['PATH'] ?? '')
    .split(delimiter)
    .filter((part) => !part.includes('node_modules'));
  return [bin, ...outside].join(delimiter);
}

async function copy(root: string, { text }: Instruction, here: string): Promise<void> {
  const words = text.split(/\s+/);
  const from = words[0]?.startsWith('--from=') === true ? words.shift()?.slice('--from='.length) : undefined;
  const target = words.pop() ?? '';
  for (const source of words) {
    const path = from === undefined ? join(repository, source) : join(root, from, source);
    const isDirectory = (await stat(path)).isDirectory();
    const to =
      isDirectory || !target.endsWith('/') ? join(here, target) : join(here, target, basename(source));
    await cp(path, to, { recursive: true });
  }
}

async function runStep({ text }: Instruction, here: string, path: string): Promise<void> {
  const command = text.replaceAll(/--mount=\S+ */g, '').trim();
  if (command === 'npm ci') {
    // Whoever runs this test has just done it, from the same lock file.
    await symlink(join(repository, 'node_modules'), join(here, 'node_modules'));
    return;
  }
  const child = spawn('sh', ['-c', command], {
    cwd: here,
    env: { ...hostEnvironment(), PATH: path, npm_config_prefer_offline: 'true', npm_config_audit: 'false' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = collect(child);
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`RUN ${command}: exit code ${code}\n${output()}`);
}

/** Proxies, certificates and registries of this machine; nothing of the npm script and the test that we are in. */
function hostEnvironment(): Record<string, string | undefined> {
  const ours =
    /^(NODE_ENV|NODE_OPTIONS|INIT_CWD|VITEST.*|npm_(lifecycle|package|command|execpath).*|npm_config_local_prefix)$/;
  return Object.fromEntries(Object.entries(processEnvironment()).filter(([name]) => !ours.test(name)));
}

function startContainer(
  config: ImageConfig,
  cwd: string,
  path: string,
  command: readonly string[],
  env: Readonly<Record<string, string>>,
): Container {
  const options = { cwd, env: { PATH: path, ...config.env, ...env }, ...userOf(config) };
  const start = (words: readonly string[]): ChildProcess => {
    const [file = '', ...args] = words;
    return spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  };
  const child = start([...config.entrypoint, ...(command.length > 0 ? command : config.cmd)]);
  const output = collect(child);
  const ended = once(child, 'close').then(([code, signal]) => code ?? signal);
  return {
    process: child,
    output,
    ended,
    async health() {
      const check = start(config.healthcheck.command);
      const said = collect(check);
      const [code] = await once(check, 'close');
      // Docker knows 0 and 1 alone.
      if (code !== 0 && code !== 1) throw new Error(`The health check ended with ${code}: ${said()}`);
      return code;
    },
    async waitFor(text) {
      await eventually(
        `"${text}"`,
        () => ({ output: output(), over: child.exitCode !== null || child.signalCode !== null }),
        (seen) => seen.output.includes(text) || seen.over,
      );
      if (!output().includes(text)) throw new Error(`The container ended without "${text}": ${output()}`);
    },
  };
}

/** Only root may become somebody else; another user's tests cover the rest. */
function userOf({ user }: ImageConfig): { uid?: number; gid?: number } {
  const [uid = Number.NaN, gid = Number.NaN] = user.split(':').map(Number);
  if (!Number.isInteger(uid) || !Number.isInteger(gid))
    throw new Error(`USER must be uid:gid, and is "${user}".`);
  return process.getuid?.() === 0 ? { uid, gid } : {};
}

function collect(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (text += String(chunk)));
  return () => text;
}
