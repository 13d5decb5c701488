/** Reads a Dockerfile: as much of the format as ours uses, and an error for the rest. */

export interface Instruction {
  readonly name: string;
  readonly text: string;
}

export interface Stage {
  readonly name: string;
  readonly base: string;
  readonly instructions: readonly Instruction[];
}

export function parseDockerfile(text: string): Stage[] {
  const lines = text
    .split('\n')
    .filter((line) => !/^\s*#/.test(line))
    .join('\n')
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const stages: { name: string; base: string; instructions: Instruction[] }[] = [];
  for (const line of lines) {
    const [, name = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    if (name === 'FROM') {
      const [base = '', , alias] = rest.split(/\s+/);
      stages.push({ name: alias ?? `stage-${stages.length}`, base, instructions: [] });
    } else {
      stages.at(-1)?.instructions.push({ name, text: rest });
    }
  }
  return stages;
}

/** What a container inherits from its image. */
export interface ImageConfig {
  readonly env: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly user: string;
  readonly workdir: string;
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly healthcheck: { readonly options: string; readonly command: readonly string[] };
  readonly exposed: readonly number[];
}

export function imageConfig(stage: Stage): ImageConfig {
  const last = (name: string): string =>
    stage.instructions.findLast((each) => each.name === name)?.text ?? '';
  const all = (name: string): string =>
    stage.instructions
      .filter((each) => each.name === name)
      .map((each) => each.text)
      .join(' ');
  const [, options = '', command = ''] = /^(.*?)CMD (\[.*\])$/.exec(last('HEALTHCHECK')) ?? [];
  return {
    env: pairs(all('ENV')),
    labels: pairs(all('LABEL')),
    user: last('USER'),
    workdir: last('WORKDIR'),
    entrypoint: execForm(last('ENTRYPOINT')),
    cmd: execForm(last('CMD')),
    healthcheck: { options: options.trim(), command: execForm(command) },
    exposed: all('EXPOSE').split(/\s+/).map(Number),
  };
}

/** Refuses the shell form: a shell would stand between the process and its signals. */
function execForm(text: string): string[] {
  const parsed: unknown = text.startsWith('[') ? JSON.parse(text) : null;
  if (!Array.isArray(parsed)) throw new Error(`Not in exec form: ${text}`);
  return parsed.map(String);
}

function pairs(text: string): Record<string, string> {
  const found = text.matchAll(/([\w.]+)=(?:"([^"]*)"|(\S*))/g);
  return Object.fromEntries([...found].map(([, name = '', quoted, plain]) => [name, quoted ?? plain ?? '']));
}
