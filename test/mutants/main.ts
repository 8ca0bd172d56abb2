// `npm run mutants -- [--filter TEXT]`: replaces one operator after another in every shader and runs the cases of the kernels that have it.
// A mutant that no case tells from the kernel survives, and is printed. Each source has a process of its own, which is ended where a
// mutant does not.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Device } from '../../src/gpu/device.js';
import { implementationOf } from '../../src/gpu/implementations.js';
import type { Case, KernelTest } from '../../src/kernels/kernel.js';
import { kernelTests } from '../../src/kernels/registry.js';
import type { Family, Shader } from '../../src/kernels/webgpu.js';
import { createDevice } from '../../src/node/gpu.js';
import { worstOf } from '../../src/selftest/kernel-check.js';
import { onWebgpu } from '../on-webgpu.js';
import { mutantsOf } from './mutants.js';

/** No case takes as long, in ms. */
const PATIENCE = 60_000;

/** Stands before all shaders, which call what it has. */
const PRELUDE = 'prelude.wgsl';
const CALLS_PRELUDE = /\b(?:gelu|swish|exact_exp|linear_index)\(/;

const FAMILIES = ['registers', 'workgroup'] as const;

const { values } = parseArgs({
  options: {
    filter: { type: 'string', default: '' },
    // For the processes that this one starts.
    source: { type: 'string' },
    from: { type: 'string', default: '0' },
  },
});

const kernels = join(process.cwd(), 'src/kernels');

/** Text that shaders contain, as a whole where it is a file. */
interface Source {
  readonly name: string;
  readonly text: string;
  readonly printed: boolean;
}

/** A run of a kernel that has a source in it. */
interface Use {
  readonly test: KernelTest<unknown>;
  readonly item: Case<unknown>;
  readonly family: Family;
}

type Told =
  | { readonly kind: 'begin'; readonly number: number }
  | { readonly kind: 'caught' | 'refused' | 'end' }
  | { readonly kind: 'survived'; readonly line: string };

function* shadersOf(test: KernelTest<unknown>, item: Case<unknown>, family: Family): Generator<Shader> {
  const { kernel, convolution = 'auto' } = test;
  const target = { family, convolution, precision: 'f32', maxBindingSize: 2 ** 27, subgroups: true } as const;
  for (const { shader } of implementationOf(kernel, item.params, target).dispatches(item.params, target)) yield shader;
}

/** The files of WGSL, and the shaders that programs print. */
function sources(): Source[] {
  const files = readdirSync(kernels, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.wgsl'));
  const found: Source[] = files.sort().map(name => {
    return { name, text: readFileSync(join(kernels, name), 'utf8'), printed: false };
  });
  const printed = new Map<string, Source>();
  for (const test of kernelTests)
    for (const item of test.cases)
      for (const family of FAMILIES)
        for (const { name, code } of shadersOf(test, item, family)) {
          if (found.some(({ name: file, text }) => code.includes(text) && !/epilogue|transforms/.test(file))) continue;
          printed.set(name, { name, text: code, printed: true });
        }
  return [...found, ...printed.values()];
}

function usesOf({ name, text }: Source): Use[] {
  const contains = (code: string) => (name === PRELUDE ? CALLS_PRELUDE.test(code) : code.includes(text));
  const uses: Use[] = [];
  for (const test of kernelTests)
    for (const item of test.cases)
      for (const family of FAMILIES)
        if ([...shadersOf(test, item, family)].some(({ code }) => contains(code))) uses.push({ test, item, family });
  return uses;
}

/** What becomes of a mutant: it is `caught` by a case, `refused` by the compiler, or it has `survived`. */
async function fateOf({ gpu, adapter }: Device, uses: readonly Use[]): Promise<'caught' | 'refused' | 'survived'> {
  // Another one for each mutant, with no pipeline of the one before.
  const device = new Device(gpu, adapter);
  for (const { test, item, family } of uses) {
    try {
      const { error } = await worstOf(test, item, onWebgpu(device, { family }));
      if (error > item.tolerance.f32) return 'caught';
    } catch (error) {
      return /does not compile/.test(String(error)) ? 'refused' : 'caught';
    }
  }
  return 'survived';
}

/** Tries the mutants of a source, from one on, and tells the process above. */
async function tryAll(source: Source, from: number): Promise<void> {
  const tell = (told: Told) => new Promise(resolve => process.send!(told, resolve));
  const device = await createDevice({ adapter: 'software', robust: true });
  const uses = usesOf(source);
  // The device puts the prelude before the code, so sources are replaced where all of it has come together.
  let replacement = source.text;
  const create = device.gpu.createShaderModule.bind(device.gpu);
  device.gpu.createShaderModule = descriptor =>
    create({ ...descriptor, code: descriptor.code.replace(source.text, () => replacement) });
  for (const [number, mutant] of mutantsOf(source.text, source.printed).entries()) {
    if (number < from) continue;
    await tell({ kind: 'begin', number });
    replacement = mutant.code;
    const kind = await fateOf(device, uses);
    const text = source.text.split('\n')[mutant.line - 1]!.trim();
    await tell(
      kind === 'survived' ? { kind, line: `${mutant.line}: ${mutant.from} to ${mutant.to} in ${text}` } : { kind },
    );
  }
  await tell({ kind: 'end' });
}

interface Count {
  caught: number;
  refused: number;
  /** Mutants that do not end are caught, too. */
  hung: number;
  readonly survived: string[];
}

const shown = ({ caught, refused, hung, survived }: Count): string =>
  `${caught} caught, ${hung} without end, ${refused} that do not compile, ${survived.length} survived`;

/** Tries the mutants of a source in processes of their own; another one goes on after a mutant that does not end. */
async function tryApart(name: string, count: Count, from = 0): Promise<void> {
  const child = fork(fileURLToPath(import.meta.url), ['--source', name, '--from', String(from)], {
    // Dawn prints what it refuses.
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  let begun = from;
  let ended = false;
  let timer: NodeJS.Timeout | undefined;
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE);
  };
  wait();
  child.on('message', (told: Told) => {
    wait();
    if (told.kind === 'begin') begun = told.number;
    if (told.kind === 'survived') count.survived.push(told.line);
    if (told.kind === 'caught' || told.kind === 'refused') count[told.kind]++;
    if (told.kind === 'end') ended = true;
  });
  await once(child, 'exit');
  clearTimeout(timer);
  if (ended) return;
  count.hung++;
  await tryApart(name, count, begun + 1);
}

if (values.source === undefined) {
  const total: Count = { caught: 0, refused: 0, hung: 0, survived: [] };
  for (const source of sources().filter(({ name }) => name.includes(values.filter))) {
    const count: Count = { caught: 0, refused: 0, hung: 0, survived: [] };
    await tryApart(source.name, count);
    console.log(`${source.name}: ${shown(count)}`);
    for (const line of count.survived) console.log(`  ${line}`);
    for (const kind of ['caught', 'refused', 'hung'] as const) total[kind] += count[kind];
    total.survived.push(...count.survived);
  }
  console.log(`all: ${shown(total)}`);
} else {
  await tryAll(sources().find(({ name }) => name === values.source)!, Number(values.from));
  process.exit();
}
