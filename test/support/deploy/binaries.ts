import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { processEnvironment } from '../../../src/config/index.ts';

const { PATH = '', CI } = processEnvironment();

function find(names: readonly string[]): string | null {
  for (const directory of PATH.split(delimiter).filter((part) => part !== '')) {
    for (const name of names) {
      const file = join(directory, name);
      try {
        accessSync(file, constants.X_OK);
        return file;
      } catch {
        // Not there: on to the next.
      }
    }
  }
  return null;
}

export interface Program {
  /** Throws where the machine lacks it: what CI has not run is not green. */
  readonly file: string;
}

/**
 * A program that a fresh machine need not have. Null where it lacks it: the tests that need it are not there then, and
 * one line says what is not covered. Under CI they are there, and fail.
 */
export function programFor(what: string, ...names: readonly [string, ...string[]]): Program | null {
  const found = find(names);
  if (found === null && CI !== 'true') {
    process.stderr.write(`Not covered: ${what}; it needs ${names[0]} on the PATH.\n`);
    return null;
  }
  return {
    get file() {
      if (found === null) throw new Error(`${names[0]} is not on the PATH, and CI must cover ${what}.`);
      return found;
    },
  };
}
