// Benches of a checkout: `npm run bench -- SECTION [--runs N] [--json [FILE]]`. Each section is a file of this folder that returns
// rows of figures; they are printed as a table or as JSON with the machine they were taken on. What the library itself takes is measured by
// `codeformer bench`, which is what runs without a section.

import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { run } from '../src/cli/main.js';
import { type Options, type Report, table } from './report.js';
import { benchVersusNetwork, VERSUS_NETWORK } from './versus-network.js';

const sections: Record<string, (options: Options) => Promise<Report>> = {
  server: async options => (await import('./server.js')).benchServer(options),
  'versus-onnxruntime': async options => (await import('./versus-onnxruntime.js')).benchVersusOnnxruntime(options),
  'versus-prototype': async options => (await import('./versus-prototype.js')).benchVersusPrototype(options),
  ...Object.fromEntries(
    VERSUS_NETWORK.map(name => [`versus-${name}`, (options: Options) => benchVersusNetwork(name, options)]),
  ),
};

const usage = `Usage: npm run bench -- [section] [options]

Without a section: codeformer bench [options], which codeformer bench --help lists.

Sections: ${Object.keys(sections).join(', ')}
  --filter TEXT   only rows whose name has TEXT in it
  --runs N        runs of which the median is taken (default 5)
  --adapter KIND  auto (default), gpu, wasm or software
  --json [FILE]   JSON, on the terminal or into a file
  --versus NAME   short for the section versus-NAME`;

function parse(args: string[]): { section: string; options: Options; json: string | boolean } {
  const options = { filter: '', runs: 5, adapter: 'auto' as Options['adapter'] };
  let section = '';
  let json: string | boolean = false;
  const value = (name: string): string => {
    const next = args.shift();
    if (next === undefined || next.startsWith('--')) throw new Error(`Expected a value for ${name}`);
    return next;
  };
  for (let arg = args.shift(); arg !== undefined; arg = args.shift()) {
    if (arg === '--filter') options.filter = value(arg);
    else if (arg === '--runs') options.runs = Number(value(arg));
    else if (arg === '--adapter') options.adapter = value(arg) as Options['adapter'];
    else if (arg === '--versus') section = `versus-${value(arg)}`;
    else if (arg === '--json') json = args[0] && !args[0].startsWith('--') ? args.shift()! : true;
    else if (!arg.startsWith('--') && !section) section = arg;
    else throw new Error(`Unknown argument ${arg}`);
  }
  if (!sections[section]) throw new Error(`Unknown section ${section}`);
  if (!(options.runs >= 1)) throw new Error(`Expected a positive number of runs`);
  return { section, options, json };
}

if (process.argv.includes('--help')) {
  console.log(usage);
  process.exit(0);
}
const named = (arg: string) => arg === '--versus' || Object.hasOwn(sections, arg);
if (!process.argv.slice(2).some(named)) {
  process.argv.splice(2, 0, 'bench');
  await run();
  // Dawn may keep the process alive.
  process.exit();
}
let parsed: ReturnType<typeof parse>;
try {
  parsed = parse(process.argv.slice(2));
} catch (error) {
  console.error(`${(error as Error).message}\n\n${usage}`);
  process.exit(2);
}
const { section, options, json } = parsed;
const report = await sections[section]!(options);
const full = { section, cores: cpus().length, node: process.version, ...report };
if (json) {
  const text = `${JSON.stringify(full, null, 2)}\n`;
  if (json === true) process.stdout.write(text);
  else await writeFile(json, text);
}
if (json !== true) {
  console.log(`\n${section}: ${full.adapter}, ${full.cores} cores, Node ${full.node}\n`);
  console.log(table(report.rows));
  for (const note of report.notes ?? []) console.log(`\n${note}`);
  console.log('\nOther sections and options: npm run bench -- --help');
}
// Dawn may keep the process alive.
process.exit(0);
