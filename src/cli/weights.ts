// `codeformer weights`: looks at files of weights, converts, checks and makes them, and gets the released ones.

import { readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { CodeFormerError, invalidArgument } from '../errors.js';
import { CONFIG_PRESETS } from '../models/codeformer/tensors.js';
import { generatedWeights, inferNetworkConfig, networkTensors, recognizeNetwork } from '../models/networks.js';
import { weightsCacheFolder } from '../node/cache.js';
import { embeddedWeights } from '../node/embedded.js';
import { fileSource, readError, writeFileBeside } from '../node/file-source.js';
import { pullFile, sha256File } from '../node/pull.js';
import { type DType, elementCount, encodeFloat16, isFloat } from '../weights/dtype.js';
import { checkFinite } from '../weights/finite.js';
import { NETWORKS, type NetworkKind } from '../weights/networks.js';
import { OFFICIAL_FILES, type OfficialFile } from '../weights/official.js';
import { openWeightsSource } from '../weights/open.js';
import { type OutgoingTensor, streamSafetensors } from '../weights/safetensors.js';
import { checkTensors, storedBytes, type Weights } from '../weights/weights.js';

/** What a command may touch of the process. */
export interface WeightsCommandIo {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  readonly signal: AbortSignal;
}

interface Command {
  readonly usage: string;
  readonly options: NonNullable<ParseArgsConfig['options']>;
  readonly positionals: readonly string[];
  run(args: { positionals: string[]; values: Values }, io: WeightsCommandIo): Promise<number>;
}

type Values = Record<string, string | boolean | undefined>;

const USAGE = `Usage: codeformer weights <command>

  inspect FILE            names, shapes and types of the tensors, metadata, network
  convert IN -o OUT       safetensors from any file of weights
  verify FILE             size and SHA-256 against what is known, tensors against the network
  generate NETWORK -o OUT deterministic weights that need no download
  list                    embedded and released files, what they are, and which of them are here
  pull NAME|all           gets released files

codeformer weights <command> --help says more.
`;

const OPTION_CONFIG = `  --config C   geometry of codeformer: a JSON object, a file of one, or ${Object.keys(CONFIG_PRESETS).join(', ')}`;

const COMMANDS: Readonly<Record<string, Command>> = {
  inspect: {
    usage: `Usage: codeformer weights inspect FILE [--json]

Reads safetensors files and PyTorch checkpoints (.pth, both containers) without running anything in them.

  --json       one JSON object { file, network, config, metadata, values, bytes, tensors: [{ name, dtype, shape }] }
`,
    options: { json: { type: 'boolean' } },
    positionals: ['FILE'],
    run: inspect,
  },
  convert: {
    usage: `Usage: codeformer weights convert IN -o OUT [--dtype f16|f32] [--config C]

Writes a safetensors file, one tensor at a time. Metadata is kept, and the geometry added as "config".

  -o, --output OUT
  --dtype D    type of all weights, f16 or f32; as stored without it
${OPTION_CONFIG};
               needed for own geometries whose file does not say
`,
    options: { output: { type: 'string', short: 'o' }, dtype: { type: 'string' }, config: { type: 'string' } },
    positionals: ['IN'],
    run: convert,
  },
  verify: {
    usage: `Usage: codeformer weights verify FILE

Checks size and SHA-256 where the file is a released or embedded one (told by its name or its hash), then names and
shapes of the tensors against the network, and that every value is finite. Exit code 1 where something is wrong.
`,
    options: {},
    positionals: ['FILE'],
    run: verify,
  },
  generate: {
    usage: `Usage: codeformer weights generate NETWORK -o OUT [--config C] [--seed N] [--dtype f16|f32]

Deterministic weights, for tests and measurements: the network runs as fast as with real ones, pictures come out as noise.
NETWORK is one of ${NETWORKS.join(', ')}.

  -o, --output OUT
${OPTION_CONFIG}; official without it
  --seed N     a whole number below 2^32, default 7
  --dtype D    f32 or f16, default f32
`,
    options: {
      output: { type: 'string', short: 'o' },
      config: { type: 'string' },
      seed: { type: 'string' },
      dtype: { type: 'string' },
    },
    positionals: ['NETWORK'],
    run: generate,
  },
  list: {
    usage: `Usage: codeformer weights list [--json] [--weights-dir DIR]

Embedded and released files with size, SHA-256, licence and address, and whether they are in DIR (default: the cache).
`,
    options: { json: { type: 'boolean' }, 'weights-dir': { type: 'string' } },
    positionals: [],
    run: list,
  },
  pull: {
    usage: `Usage: codeformer weights pull NAME|all [--from URL|DIR] [--weights-dir DIR] [--quiet]

Gets released files by their names (with or without .pth). Size and SHA-256 are checked, a broken download continues
where it stopped. The files are the work of their authors under their licences, which \`list\` names.

  --from F           address or folder to get them from under the same names, instead of the official address
  --weights-dir DIR  folder to put them in (default: the cache)
`,
    options: { from: { type: 'string' }, 'weights-dir': { type: 'string' }, quiet: { type: 'boolean' } },
    positionals: ['NAME'],
    run: pull,
  },
};

/**
 * Runs `codeformer weights ...`.
 * @param args the arguments after `weights`
 * @returns the exit code: 0, or 1 where `verify` found a fault
 * @throws CodeFormerError for everything else that goes wrong; `INVALID_ARGUMENT` for wrong usage
 */
export async function weightsCommand(args: string[], io: WeightsCommandIo): Promise<number> {
  const [name, ...rest] = args;
  if (name === '--help' || name === '-h') {
    io.stdout.write(USAGE);
    return 0;
  }
  const command = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) throw invalidArgument(`one of ${Object.keys(COMMANDS).join(', ')}`, 'the weights command', name);
  let parsed: { values: Values; positionals: string[] };
  try {
    const options = { ...command.options, help: { type: 'boolean', short: 'h' } } as const;
    parsed = parseArgs({ args: rest, options, allowPositionals: true }) as typeof parsed;
  } catch (cause) {
    throw new CodeFormerError('INVALID_ARGUMENT', `weights ${name}: ${(cause as Error).message}`, { cause });
  }
  if (parsed.values.help) {
    io.stdout.write(command.usage);
    return 0;
  }
  if (parsed.positionals.length !== command.positionals.length) {
    const expected = command.positionals.join(' ') || 'no argument';
    throw invalidArgument(expected, `weights ${name}`, parsed.positionals.join(' ') || undefined);
  }
  return command.run(parsed, io);
}

async function inspect(
  { positionals, values }: { positionals: string[]; values: Values },
  { stdout }: WeightsCommandIo,
) {
  const [path] = positionals as [string];
  const weights = await openFile(path);
  try {
    const network = recognizeNetwork(weights);
    const config = network ? knownConfig(network, weights) : null;
    const tensors = weights.names().map(name => ({ name, dtype: weights.dtype(name), shape: weights.shape(name) }));
    const count = tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0);
    const bytes = storedBytes(weights);
    if (values.json) {
      const report = { file: path, network, config, metadata: weights.metadata, values: count, bytes, tensors };
      stdout.write(`${JSON.stringify(report, null, 2)}\n`);
      return 0;
    }
    const lines = [
      path,
      `  network  ${network ?? 'none of the library'}`,
      `  tensors  ${tensors.length}, ${grouped(count)} values, ${grouped(bytes)} bytes`,
    ];
    if (config) lines.push(`  config   ${JSON.stringify(config)}`);
    for (const [key, text] of Object.entries(weights.metadata)) {
      if (!(key === 'config' && config)) lines.push(`  metadata ${key}: ${printable(text)}`);
    }
    const widest = Math.min(60, Math.max(...tensors.map(({ name }) => name.length)));
    for (const { name, dtype, shape } of tensors) {
      lines.push(`${printable(name).padEnd(widest)}  ${dtype.padEnd(8)}  [${shape.join(', ')}]`);
    }
    stdout.write(`${lines.join('\n')}\n`);
    return 0;
  } finally {
    await weights.close();
  }
}

async function convert(
  { positionals, values }: { positionals: string[]; values: Values },
  { signal }: WeightsCommandIo,
) {
  const [path] = positionals as [string];
  const output = outputOf(values);
  const dtype = dtypeOf(values);
  const given = values.config === undefined ? undefined : await readConfig(String(values.config));
  const weights = await openFile(path);
  try {
    const network = recognizeNetwork(weights);
    const config = network ? (given ?? inferNetworkConfig(network, weights)) : null;
    if (network) checkTensors(weights, networkTensors(network, config));
    await save(weights, output, dtype, config ? { config: JSON.stringify(config) } : {}, signal);
    return 0;
  } finally {
    await weights.close();
  }
}

async function generate(
  { positionals, values }: { positionals: string[]; values: Values },
  { signal }: WeightsCommandIo,
) {
  const network = positionals[0] as NetworkKind;
  const output = outputOf(values);
  const dtype = dtypeOf(values);
  const given = values.config === undefined ? undefined : await readConfig(String(values.config));
  const config = network === 'codeformer' ? (given ?? CONFIG_PRESETS.official) : given;
  const seed = String(values.seed ?? '7');
  if (!/^\d+$/.test(seed)) throw invalidArgument('a whole number', '--seed', seed);
  const weights = generatedWeights(network, config, Number(seed));
  await save(weights, output, dtype, {}, signal);
  return 0;
}

async function verify(
  { positionals }: { positionals: string[]; values: Values },
  { stdout, signal }: WeightsCommandIo,
) {
  const [path] = positionals as [string];
  let wrong = false;
  const say = (right: boolean | null, text: string) => {
    if (right === false) wrong = true;
    stdout.write(`${right === null ? '-    ' : right ? 'ok   ' : 'WRONG'} ${text}\n`);
  };

  const hash = await sha256File(path, signal);
  const { size } = await stat(path);
  const known = await knownFiles();
  const file = known.find(entry => entry.sha256 === hash) ?? known.find(entry => entry.file === basename(path));
  if (!file) say(null, `SHA-256 ${hash}, no file that is known by name or hash`);
  else if (file.sha256 === undefined) say(null, `SHA-256 ${hash}, of ${file.file} none is known`);
  else if (file.sha256 === hash) say(true, `SHA-256 of ${file.file}`);
  else say(false, `expected ${file.bytes} bytes with SHA-256 ${file.sha256} but got ${size} bytes with ${hash}`);

  try {
    const weights = await openFile(path);
    try {
      const network = recognizeNetwork(weights);
      if (!network) say(false, `tensors: those of none of ${NETWORKS.join(', ')}`);
      else {
        const expected = networkTensors(network, inferNetworkConfig(network, weights));
        checkTensors(weights, expected);
        say(true, `${expected.size} tensors of ${network}`);
        await checkFinite(weights, expected.keys(), signal);
        say(true, 'all values are finite');
      }
    } finally {
      await weights.close();
    }
  } catch (error) {
    if (!(error instanceof CodeFormerError) || error.code === 'ABORTED') throw error;
    say(false, error.message);
  }
  return wrong ? 1 : 0;
}

async function list({ values }: { values: Values }, { stdout }: WeightsCommandIo) {
  const folder = folderOf(values);
  const embedded = await embeddedWeights();
  const rows = [
    ...embedded.manifest.files.map(entry => ({
      file: entry.file,
      role: entry.role,
      network: entry.network,
      bytes: entry.bytes,
      sha256: entry.sha256,
      licence: entry.licence,
      source: 'embedded',
      path: join(embedded.folder, entry.file),
      card: entry.card ?? {},
    })),
    ...OFFICIAL_FILES.map(({ file, role, network, bytes, sha256, licence, url }) => ({
      file,
      role,
      network,
      bytes: bytes ?? null,
      sha256: sha256 ?? null,
      licence,
      source: url,
      path: join(folder, file),
      card: {} as Readonly<Record<string, string>>,
    })),
  ];
  const found = await Promise.all(
    rows.map(async row => {
      const info = await stat(row.path).catch(() => null);
      return { ...row, present: Boolean(info?.isFile() && (row.bytes === null || info.size === row.bytes)) };
    }),
  );
  if (values.json) {
    stdout.write(`${JSON.stringify(found, null, 2)}\n`);
    return 0;
  }
  const blocks = found.map(row =>
    [
      `${row.file}  (${row.role}, ${row.network})`,
      `  size     ${row.bytes === null ? 'not known' : `${grouped(row.bytes)} bytes`}`,
      `  SHA-256  ${row.sha256 ?? 'not known'}`,
      `  licence  ${row.licence}`,
      `  from     ${row.source}`,
      `  here     ${row.present ? row.path : 'no'}`,
      ...Object.entries(row.card).map(([about, text]) => `  ${about.padEnd(8)} ${folded(text)}`),
    ].join('\n'),
  );
  stdout.write(`${blocks.join('\n\n')}\n`);
  return 0;
}

/** A text in lines below each other, as wide as a terminal usually is. */
const folded = (text: string): string => text.replace(/(.{1,88})(?: +|$)/g, '$1\n           ').trimEnd();

async function pull({ positionals, values }: { positionals: string[]; values: Values }, io: WeightsCommandIo) {
  const [name] = positionals as [string];
  const files = OFFICIAL_FILES.filter(({ file }) => name === 'all' || file === name || file === `${name}.pth`);
  if (files.length === 0) {
    throw invalidArgument(`all or one of ${OFFICIAL_FILES.map(({ file }) => file).join(', ')}`, 'NAME', name);
  }
  const folder = folderOf(values);
  for (const file of files) {
    const to = join(folder, file.file);
    const report = values.quiet ? undefined : progressLine(io.stderr, file.file);
    const { bytes: size, sha256 } = file;
    const from = values.from === undefined ? { url: file.url } : placeOf(String(values.from), file);
    try {
      const result = await pullFile({ from, to, size, sha256, signal: io.signal, onProgress: report?.show });
      report?.clear();
      if (!values.quiet) io.stderr.write(`${file.file}: ${result === 'present' ? 'is here already' : 'done'}, ${to}\n`);
    } catch (error) {
      report?.clear();
      throw error;
    }
  }
  return 0;
}

/** Where a file is under another address, which may be that of the file itself, or in a folder. */
function placeOf(from: string, { file }: OfficialFile): { url: string } | { directory: string } {
  if (!/^https?:/i.test(from)) return { directory: from };
  return { url: from.endsWith(`/${file}`) ? from : `${from.replace(/\/+$/, '')}/${file}` };
}

/** A line that is written over and over; nothing where the stream is no terminal. */
function progressLine(stream: NodeJS.WritableStream, name: string) {
  if (!(stream as NodeJS.WriteStream).isTTY) return undefined;
  let last = 0;
  return {
    show({ received, total }: { received: number; total: number | undefined }) {
      const now = Date.now();
      if (now - last < 100) return;
      last = now;
      const share = total ? ` ${Math.floor((100 * received) / total)} %` : '';
      stream.write(`\r${name}${share}  ${(received / 1e6).toFixed(1)} MB\x1b[K`);
    },
    clear: () => void stream.write('\r\x1b[K'),
  };
}

async function openFile(path: string): Promise<Weights> {
  return openWeightsSource(await fileSource(path));
}

/** The configuration for display: null where there is none, a wrong one is for `verify` to report. */
function knownConfig(network: NetworkKind, weights: Weights): object | null {
  try {
    return inferNetworkConfig(network, weights);
  } catch (error) {
    if (error instanceof CodeFormerError) return null;
    throw error;
  }
}

/** A geometry as a name, JSON or a file of JSON. Its numbers are checked where it is used. */
async function readConfig(text: string): Promise<unknown> {
  if (Object.hasOwn(CONFIG_PRESETS, text)) return CONFIG_PRESETS[text];
  const inline = text.trimStart().startsWith('{');
  const json = inline
    ? text
    : await readFile(text, 'utf8').catch(error => {
        throw readError(text, error);
      });
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw new CodeFormerError('INVALID_ARGUMENT', `Expected JSON for --config: ${(cause as Error).message}`, { cause });
  }
}

function outputOf(values: Values): string {
  if (typeof values.output !== 'string' || values.output === '')
    throw invalidArgument('a file', '--output', values.output);
  return values.output;
}

function dtypeOf(values: Values): DType | undefined {
  if (values.dtype === undefined) return undefined;
  if (values.dtype === 'f16') return 'float16';
  if (values.dtype === 'f32') return 'float32';
  throw invalidArgument('f16 or f32', '--dtype', values.dtype);
}

function folderOf(values: Values): string {
  return typeof values['weights-dir'] === 'string' ? values['weights-dir'] : weightsCacheFolder();
}

async function knownFiles(): Promise<{ file: string; bytes?: number; sha256?: string }[]> {
  return [...(await embeddedWeights()).manifest.files, ...OFFICIAL_FILES];
}

async function save(
  weights: Weights,
  output: string,
  dtype: DType | undefined,
  metadata: Record<string, string>,
  signal: AbortSignal,
): Promise<void> {
  const tensors = weights.names().map((name): OutgoingTensor => {
    const target = dtype && isFloat(weights.dtype(name)) ? dtype : weights.dtype(name);
    return { name, dtype: target, shape: weights.shape(name), data: () => converted(weights, name, target) };
  });
  await writeFileBeside(output, streamSafetensors(tensors, { ...weights.metadata, ...metadata }), { signal });
}

/** The elements of a tensor in another type. Values that float16 cannot hold are an error, not infinite. */
async function converted(weights: Weights, name: string, dtype: DType): Promise<ArrayBufferView> {
  if (weights.dtype(name) === dtype) return (await weights.raw(name)).bytes;
  const values = await weights.float32(name);
  if (dtype === 'float32') return values;
  const halves = encodeFloat16(values);
  for (let i = 0; i < halves.length; i++) {
    if ((halves[i]! & 0x7fff) === 0x7c00 && Number.isFinite(values[i])) {
      throw invalidArgument('magnitudes below 65520, the limit of f16,', `tensor ${name}`, values[i]);
    }
  }
  return halves;
}

function grouped(value: number): string {
  return value.toLocaleString('en-US');
}

/** Text of a file for a terminal: short, and without control characters. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: removing them is the point.
  const clean = text.replace(/[\x00-\x1f\x7f-\x9f]/g, '?');
  return clean.length > 200 ? `${clean.slice(0, 197)}...` : clean;
}
