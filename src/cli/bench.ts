// `codeformer bench`: the benches of a source checkout, which are not part of the published package.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CodeFormerError } from '../errors.js';
import { packageFolder } from '../node/package.js';
import type { Command } from './command.js';
import { EXIT_CODES } from './errors.js';

const script = (): string => join(packageFolder(), 'scripts', 'run.mjs');

/** Whether there are benches: the published package has none. */
export const hasBenches = (): boolean => existsSync(script());

/** Gives the benches the arguments as they are, `--help` as well; their exit code is that of the command. */
export const bench: Command = {
  summary: 'run the benches of this source checkout',
  run: (_, args, { signal }) =>
    new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [script(), 'bench/main.ts', ...args], { stdio: 'inherit', signal });
      child.once('exit', code => resolve(code ?? EXIT_CODES.failed));
      child.once('error', error => {
        const aborted = signal.aborted && new CodeFormerError('ABORTED', 'The benches were aborted', { cause: error });
        reject(aborted || error);
      });
    }),
};
