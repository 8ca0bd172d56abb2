// `codeformer doctor`: what is here that the library runs on, what is missing, and what to install.

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { kindOf } from '../executor.js';
import { cacheFolder, weightsCacheFolder } from '../node/cache.js';
import { embeddedWeights } from '../node/embedded.js';
import type { AdapterReport } from '../node/gpu.js';
import { packageVersion } from '../node/package.js';
import type { RestorerInfo, SelfTestResult } from '../pipeline/restorer-types.js';
import type { Role } from '../weights/manifest.js';
import { OFFICIAL_FILES } from '../weights/official.js';
import { command } from './command.js';
import { type EngineOptions, engineFlags, type Services } from './engine.js';
import { EXIT_CODES, exitCodeOf, messageOf } from './errors.js';
import { DEVICE_FLAGS } from './flags.js';
import { printable, writeStdout } from './io.js';

export const doctor = command({
  summary: 'say what is found and what is missing',
  usage: '[--self-test] [--json]',
  about:
    'Says which adapters, weights and folders are found, what is missing and what to install. Exit code 3 where no adapter is, 1 where the self-test fails, also where it fails on a GPU and WebAssembly takes its place.',
  flags: {
    'self-test': { help: 'run every kernel and the embedded networks on the adapter, and compare' },
    ...DEVICE_FLAGS,
    json: { help: 'print the findings as one object' },
  },
  async run({ values }, io, services) {
    const { engine } = engineFlags(values);
    const found = await examine(io.env, services, values.adapter ?? 'auto');
    const selfTest = values['self-test'] ? await testAdapter({ ...engine, signal: io.signal }, services) : null;
    const findings = { ...found, selfTest };
    await writeStdout(io, values.json ? `${JSON.stringify(findings, null, 2)}\n` : print(findings));
    if (selfTest && 'error' in selfTest) return selfTest.exit;
    if (selfTest && (!selfTest.passed || replaced(findings) !== null)) return EXIT_CODES.failed;
    return EXIT_CODES[findings.chosen === null ? 'no usable adapter' : 'done'];
  },
});

/** What the self-test found; or why it could not be run. */
type SelfTest =
  | (SelfTestResult & Pick<RestorerInfo, 'adapterReason'>)
  | { readonly error: string; readonly exit: number };

async function testAdapter(options: Omit<EngineOptions, Role>, { openEngine }: Services): Promise<SelfTest> {
  const weights = { restorer: 'embedded', detector: 'embedded', parser: null, upscaler: 'embedded' };
  try {
    const engine = await openEngine({ ...weights, ...options });
    try {
      const found = await engine.selfTest({ signal: options.signal });
      return { ...found, adapterReason: engine.info.adapterReason };
    } finally {
      await engine.destroy();
    }
  } catch (error) {
    if (options.signal.aborted) throw error;
    return { error: messageOf(error), exit: exitCodeOf(error) };
  }
}

/** Why a GPU that is there is not what computes, or null. */
function replaced({ adapters, chosen, selfTest }: Findings): string | null {
  const isGpu = chosen !== null && kindOf(adapters[chosen]!) === 'gpu';
  return isGpu && selfTest && 'passed' in selfTest ? selfTest.adapterReason : null;
}

/** The first adapter of a kind, as they are preferred. */
function chosenOf(adapters: Findings['adapters'], kind: string): number | null {
  const index = adapters.findIndex(adapter => kind === 'auto' || kindOf(adapter) === kind);
  return index < 0 ? null : index;
}

interface Findings {
  readonly version: string;
  readonly node: string;
  readonly platform: string;
  readonly adapters: AdapterReport['adapters'];
  /** Index of the adapter that `--adapter` takes, or null. */
  readonly chosen: number | null;
  /** The kind that was asked for. */
  readonly adapter: string;
  /** Why WebGPU could not be asked at all, or null. */
  readonly webgpuError: string | null;
  /** Version of @sparticuz/chromium, which brings the software adapter. */
  readonly swiftShaderPackage: string | null;
  /** Why the software adapter cannot be used, or null. */
  readonly softwareError: string | null;
  readonly sharp: boolean;
  readonly embedded: readonly { readonly file: string; readonly role: string; readonly licence: string }[];
  readonly cache: string;
  readonly official: readonly {
    readonly file: string;
    readonly role: string;
    readonly path: string | null;
    /** Whether something else is in its place, by its size. */
    readonly broken: boolean;
  }[];
  readonly advice: readonly string[];
  /** Null where it was not asked for. */
  readonly selfTest: SelfTest | null;
}

async function examine(
  env: NodeJS.ProcessEnv,
  services: Services,
  adapter: string,
): Promise<Omit<Findings, 'selfTest'>> {
  const { adapters, swiftShaderPackage, softwareError = null, webgpuError = null } = await services.reportAdapters();
  const sharp = await import('sharp').then(
    () => true,
    () => false,
  );
  const embedded = await embeddedWeights().then(
    ({ manifest }) => manifest.files.map(({ file, role, licence }) => ({ file, role, licence })),
    () => [],
  );
  const found = {
    version: await packageVersion(),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    adapters,
    chosen: chosenOf(adapters, adapter),
    adapter,
    webgpuError,
    swiftShaderPackage,
    softwareError,
    sharp,
    embedded,
    cache: cacheFolder(env),
    official: await officialFiles(weightsCacheFolder(env)),
  };
  return { ...found, advice: advise(found) };
}

/** The released files, and where those lie that are here and whole. */
async function officialFiles(folder: string): Promise<Findings['official']> {
  return Promise.all(
    OFFICIAL_FILES.map(async ({ file, role, bytes }) => {
      const path = join(folder, file);
      const info = await stat(path).catch(() => null);
      const whole = info?.isFile() && (bytes === undefined || info.size === bytes);
      return { file, role, path: whole ? path : null, broken: info !== null && !whole };
    }),
  );
}

function advise(found: Omit<Findings, 'advice' | 'selfTest'>): string[] {
  const { adapters, webgpuError, softwareError, sharp, embedded, official } = found;
  const advice: string[] = [];
  if (webgpuError !== null) {
    advice.push(`WebGPU could not be loaded (${webgpuError}): install the package webgpu for this platform`);
  }
  if (softwareError !== null) advice.push(softwareError);
  const driver: Partial<Record<NodeJS.Platform, string>> = {
    linux: "a Vulkan driver: mesa-vulkan-drivers for AMD and Intel, NVIDIA's own for NVIDIA",
    win32: 'the current driver of its vendor',
    darwin: 'macOS 12 or later, whose Metal driver is part of the system',
  };
  if (!adapters.some(adapter => kindOf(adapter) === 'gpu')) {
    advice.push(`no GPU was found; where the machine has one, install ${driver[process.platform] ?? 'its driver'}`);
  }
  if (!sharp)
    advice.push('sharp could not be loaded, so only PNG can be written, and only PNG and BMP read: `npm i sharp`');
  if (embedded.length === 0)
    advice.push('the embedded weights are missing: install the package anew, or use --weights');
  for (const { file } of official.filter(({ broken }) => broken)) {
    advice.push(`${file} in the cache is broken: \`codeformer weights pull ${file.replace('.pth', '')}\` gets it anew`);
  }
  if (!official.some(({ role, path, broken }) => role === 'restorer' && (path !== null || broken))) {
    advice.push('`codeformer weights pull codeformer` gets the official restorer (377 MB, non-commercial licence)');
  }
  return advice;
}

function print(found: Findings): string {
  const lines = [`codeformer-webgpu ${found.version}, Node ${found.node}, ${found.platform}`, '', 'Adapters'];
  if (found.adapters.length === 0) lines.push('  none');
  const chosenBy = found.adapter === 'auto' ? ', chosen by default' : `, chosen by --adapter ${found.adapter}`;
  if (found.chosen === null && found.adapters.length > 0) lines.push(`  none of the kind ${found.adapter}, but`);
  found.adapters.forEach((adapter, i) => {
    const name = adapter.description || adapter.device || `${adapter.vendor} ${adapter.architecture}`;
    lines.push(`  ${name}${kindOf(adapter) === 'software' ? ' (software)' : ''}${i === found.chosen ? chosenBy : ''}`);
    const f16 = adapter.features.includes('shader-f16');
    const timing = adapter.features.includes('timestamp-query') ? 'timestamps' : 'no timestamps';
    lines.push(`    precision ${f16 ? 'f32, f16' : 'f32'}; ${timing}`);
    const limits = Object.entries(adapter.limits).map(([limit, value]) => `${limit} ${value}`);
    lines.push(`    ${limits.join(', ')}`);
  });
  lines.push('', 'Embedded weights');
  if (found.embedded.length === 0) lines.push('  none');
  for (const { file, role, licence } of found.embedded) lines.push(`  ${file} (${role}): ${licence}`);
  lines.push('', 'Official weights');
  for (const { file, role, path, broken } of found.official)
    lines.push(`  ${file} (${role}): ${path ?? (broken ? 'broken' : 'not here')}`);
  lines.push('', `Cache folder: ${printable(found.cache)}`);
  lines.push(
    `SwiftShader: ${found.swiftShaderPackage ? `@sparticuz/chromium ${found.swiftShaderPackage}` : 'not installed; where it is of use, on Linux, `npm i @sparticuz/chromium` brings it'}`,
  );
  lines.push(`Formats: PNG, BMP${found.sharp ? ', JPEG, WebP, AVIF, TIFF, GIF' : ''} (BMP to read only)`);
  if (found.selfTest) lines.push('', ...selfTestLines(found.selfTest));
  const reason = replaced(found);
  if (reason !== null) lines.push(`  in place of the GPU: ${reason}`);
  if (found.advice.length > 0) lines.push('', 'Missing', ...found.advice.map(text => `  ${text}`));
  return `${lines.join('\n')}\n`;
}

function selfTestLines(found: SelfTest): string[] {
  if ('error' in found) return [`Self-test: ${found.error}`];
  const { passed, adapter, precision, variants, givenUp, checks, faults, duration } = found;
  const inputs = checks.reduce((sum, check) => sum + check.inputs, 0);
  const ways = variants.length > 0 ? `, ${variants.join(', ')}` : '';
  return [
    `Self-test on ${adapter}, ${precision}${ways}: ${passed ? 'all is right' : 'some is wrong'}`,
    `  ${checks.length} kernels and networks on ${inputs} inputs in ${(duration / 1000).toFixed(1)} s`,
    ...(givenUp.length > 0 ? [`  given up, because it came out wrong: ${givenUp.join(', ')}`] : []),
    ...faults.map(fault => `  ${fault}`),
  ];
}
