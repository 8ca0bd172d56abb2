// `codeformer weights inspect`, `convert`, `generate` and `verify`: what is done with one file of weights.

import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { CodeFormerError, invalidArgument } from '../errors.js';
import { CONFIG_PRESETS } from '../models/codeformer/tensors.js';
import {
  generatedWeights,
  inferNetworkConfig,
  NETWORK_NAMES,
  type NetworkKind,
  networkTensors,
  recognizeNetwork,
} from '../models/networks.js';
import { embeddedWeights } from '../node/embedded.js';
import { fileSource, readError } from '../node/file-source.js';
import { sha256File } from '../node/pull.js';
import { readText } from '../node/read-file.js';
import { removeLeftovers, writeFileBeside } from '../node/write-file.js';
import { type DType, elementCount, encodeFloat16, isFloat } from '../weights/dtype.js';
import { checkFinite } from '../weights/finite.js';
import { OFFICIAL_FILES } from '../weights/official.js';
import { openWeightsSource } from '../weights/open.js';
import { type OutgoingTensor, streamSafetensors } from '../weights/safetensors.js';
import { checkTensors, storedBytes, type Weights } from '../weights/weights.js';
import { command } from './command.js';
import { EXIT_CODES } from './errors.js';
import { grouped, printable, writeJson, writeStdout } from './io.js';

const OUTPUT = { value: 'OUT', short: 'o', aliases: ['output-path'], help: 'file that is written' } as const;

const CONFIG = `geometry of codeformer: a JSON object, a file of one, or ${Object.keys(CONFIG_PRESETS).join(', ')}`;

export const inspect = command({
  summary: 'names, shapes and types of the tensors, metadata, network',
  positional: 'FILE',
  usage: 'FILE [--json]',
  about: 'Reads safetensors files and PyTorch checkpoints (.pth, both containers) without running anything in them.',
  flags: {
    json: {
      help: 'one JSON object { file, network, config, metadata, values, bytes, tensors: [{ name, dtype, shape }] }',
    },
  },
  async run({ values, inputs }, io) {
    const [path] = inputs as [string];
    const weights = await openFile(path);
    try {
      const network = recognizeNetwork(weights);
      const config = network ? knownConfig(network, weights) : null;
      const tensors = weights.names().map(name => ({ name, dtype: weights.dtype(name), shape: weights.shape(name) }));
      const count = tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0);
      const bytes = storedBytes(weights);
      if (values.json) {
        const report = { file: path, network, config, metadata: weights.metadata, values: count, bytes, tensors };
        await writeJson(io, report, 2);
        return 0;
      }
      const lines = [
        printable(path),
        `  network  ${network ?? 'none of the library'}`,
        `  tensors  ${tensors.length}, ${grouped(count)} values, ${grouped(bytes)} bytes`,
      ];
      if (config) lines.push(`  config   ${JSON.stringify(config)}`);
      for (const [key, text] of Object.entries(weights.metadata)) {
        if (!(key === 'config' && config)) lines.push(`  metadata ${key}: ${shown(text)}`);
      }
      const widest = Math.min(60, Math.max(...tensors.map(({ name }) => name.length)));
      for (const { name, dtype, shape } of tensors) {
        lines.push(`${shown(name).padEnd(widest)}  ${dtype.padEnd(8)}  [${shape.join(', ')}]`);
      }
      await writeStdout(io, `${lines.join('\n')}\n`);
      return 0;
    } finally {
      await weights.close();
    }
  },
});

export const convert = command({
  summary: 'safetensors from any file of weights',
  positional: 'IN',
  usage: 'IN -o OUT [--dtype f16|f32] [--config C]',
  about: 'Writes a safetensors file, one tensor at a time. Metadata is kept, and the geometry added as "config".',
  flags: {
    output: OUTPUT,
    dtype: { value: 'D', help: 'type of all weights, f16 or f32; as stored without it' },
    config: { value: 'C', help: `${CONFIG}; needed for own geometries whose file does not say` },
  },
  async run({ values, inputs }, { signal }) {
    const [path] = inputs as [string];
    const output = outputOf(values);
    const dtype = dtypeOf(values);
    const given = values.config === undefined ? undefined : await readConfig(values.config, signal);
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
  },
});

export const generate = command({
  summary: 'deterministic weights that need no download',
  positional: 'NETWORK',
  usage: 'NETWORK -o OUT [--config C] [--seed N] [--dtype f16|f32]',
  about: `Deterministic weights, for tests and measurements: the network runs as fast as with real ones, pictures come out as noise.
NETWORK is one of ${NETWORK_NAMES.join(', ')}.`,
  flags: {
    output: OUTPUT,
    config: { value: 'C', help: `${CONFIG}; official without it` },
    seed: { value: 'N', help: 'a whole number below 2^32, default 7' },
    dtype: { value: 'D', help: 'f32 or f16, default f32' },
  },
  async run({ values, inputs }, { signal }) {
    const network = inputs[0] as NetworkKind;
    const output = outputOf(values);
    const dtype = dtypeOf(values);
    const given = values.config === undefined ? undefined : await readConfig(values.config, signal);
    const config = network === 'codeformer' ? (given ?? CONFIG_PRESETS.official) : given;
    const seed = values.seed ?? '7';
    if (!/^\d+$/.test(seed)) throw invalidArgument('a whole number', '--seed', seed);
    const weights = generatedWeights(network, config, Number(seed));
    await save(weights, output, dtype, {}, signal);
    return 0;
  },
});

export const verify = command({
  summary: 'size and SHA-256 against what is known, tensors against the network',
  positional: 'FILE',
  usage: 'FILE',
  about: `Checks size and SHA-256 where the file is a released or embedded one (told by its name or its hash), then names and
shapes of the tensors against the network, and that every value is finite. Exit code 1 where something is wrong.`,
  flags: {},
  async run({ inputs }, io) {
    const [path] = inputs as [string];
    let wrong = false;
    const { signal } = io;
    const say = async (right: boolean | null, text: string) => {
      if (right === false) wrong = true;
      await writeStdout(io, `${right === null ? '-    ' : right ? 'ok   ' : 'WRONG'} ${printable(text)}\n`);
    };

    const info = await stat(path).catch(error => {
      throw readError(path, error);
    });
    if (!info.isFile()) throw new CodeFormerError('FILE_UNREADABLE', `Expected a file but ${path} is not one`);
    const { size } = info;
    const hash = await sha256File(path, signal);
    const known = await knownFiles();
    const file = known.find(entry => entry.sha256 === hash) ?? known.find(entry => entry.file === basename(path));
    if (!file) await say(null, `SHA-256 ${hash}: not a known file`);
    else if (file.sha256 === undefined) await say(null, `SHA-256 ${hash}; that of ${file.file} is not known`);
    else if (file.sha256 === hash) await say(true, `SHA-256 of ${file.file}`);
    else
      await say(false, `expected ${file.bytes} bytes with SHA-256 ${file.sha256} but got ${size} bytes with ${hash}`);

    try {
      const weights = await openFile(path);
      try {
        const network = recognizeNetwork(weights);
        if (!network) await say(false, `tensors: those of none of ${NETWORK_NAMES.join(', ')}`);
        else {
          const expected = networkTensors(network, inferNetworkConfig(network, weights));
          checkTensors(weights, expected);
          await say(true, `${expected.size} tensors of ${network}`);
          await checkFinite(weights, expected.keys(), signal);
          await say(true, 'all values are finite');
        }
      } finally {
        await weights.close();
      }
    } catch (error) {
      if (!(error instanceof CodeFormerError) || error.code === 'ABORTED') throw error;
      await say(false, error.message);
    }
    return EXIT_CODES[wrong ? 'failed' : 'done'];
  },
});

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
async function readConfig(text: string, signal: AbortSignal): Promise<unknown> {
  if (Object.hasOwn(CONFIG_PRESETS, text)) return CONFIG_PRESETS[text];
  const inline = text.trimStart().startsWith('{');
  const json = inline ? text : await readText(text, signal);
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw new CodeFormerError('INVALID_ARGUMENT', `Expected JSON for --config: ${(cause as Error).message}`, { cause });
  }
}

function outputOf({ output }: { readonly output?: string | undefined }): string {
  if (output === undefined || output === '')
    throw new CodeFormerError('INVALID_ARGUMENT', 'Expected a file for --output, where the result goes');
  return output;
}

function dtypeOf(values: { readonly dtype?: string | undefined }): DType | undefined {
  if (values.dtype === undefined) return undefined;
  if (values.dtype === 'f16') return 'float16';
  if (values.dtype === 'f32') return 'float32';
  throw invalidArgument('f16 or f32', '--dtype', values.dtype);
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
  await removeLeftovers(dirname(output));
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

/** Text of a file for a terminal: short, and without control characters. */
function shown(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: removing them is the point.
  const clean = text.replace(/[\x00-\x1f\x7f-\x9f]/g, '?');
  return clean.length > 200 ? `${clean.slice(0, 197)}...` : clean;
}
