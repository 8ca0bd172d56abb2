#!/usr/bin/env node
// Starts the command line. The published package brings it built; a source checkout builds it on first use.

import { existsSync } from 'node:fs';

const cli = new URL('../dist/cli.js', import.meta.url);

if (existsSync(cli) || (await built())) {
  const { run } = await import(cli.href);
  await run();
} else {
  process.exitCode = 1;
}

/** Whether the command line could be built; says why not. */
async function built() {
  const script = new URL('../scripts/build.mjs', import.meta.url);
  if (!existsSync(script)) {
    console.error('error: the package is incomplete, because dist/cli.js is missing; install it anew');
    return false;
  }
  try {
    await (await import(script.href)).buildCommandLine();
    return true;
  } catch (error) {
    if (error.code === 'ERR_MODULE_NOT_FOUND')
      console.error('error: this source checkout is not built yet, and what builds it is not installed; run `npm ci`');
    // Messages of esbuild are printed already.
    else if (!error.errors) console.error(error);
    return false;
  }
}
