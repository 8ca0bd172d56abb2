#!/usr/bin/env node
// Starts the command line. The published package brings it built; a source checkout builds it on first use.

import { existsSync } from 'node:fs';

const cli = new URL('../dist/cli.js', import.meta.url);
if (!existsSync(cli)) {
  const { build } = await import('../scripts/build.mjs');
  await build();
}
const { run } = await import(cli.href);
await run();
