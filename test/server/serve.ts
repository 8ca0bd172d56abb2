// `codeformer serve` as a process, as it is built from the sources of now.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A JPEG of 160x160 pixels with a face, which takes a second. */
export const facePhoto = (): Promise<Buffer> =>
  sharp(join(root, 'docs/samples/astronaut.png'))
    .extract({ left: 126, top: 10, width: 200, height: 200 })
    .resize(160)
    .jpeg()
    .toBuffer();

export interface Running {
  readonly url: string;
  readonly child: ChildProcess;
  /** What it has logged. */
  lines(): Record<string, unknown>[];
  /** Ends it and returns its exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Starts a server and returns when it takes connections. */
export async function startServer(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Running> {
  const program = join(root, 'bin/codeformer.mjs');
  const child = spawn(process.execPath, [program, 'serve', '--port', '0', ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr!.on('data', data => {
      said += data;
      const [, found] = /"url":"([^"]+)"/.exec(said) ?? [];
      if (found) resolve(found);
    });
    child.once('exit', () => reject(new Error(said)));
  });
  return {
    url,
    child,
    lines: () =>
      said
        .split('\n')
        .filter(line => line.startsWith('{'))
        .map(line => JSON.parse(line)),
    async stop(signal = 'SIGTERM') {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill(signal);
        await once(child, 'exit');
      }
      return child.exitCode;
    },
  };
}
