// Every public call with every argument and option replaced by values that do not belong there.

import * as library from '../src/node/index.js';
import { CodeFormerError, generatedWeights, type Picture, pixels } from '../src/node/index.js';
import { DevicePicture } from '../src/pixels/device-picture.js';
import { TINY } from './tiny.js';

/** What proxies and getters of the caller throw: it passes through. */
const own = new Error('of the caller');
const throws = (): never => {
  throw own;
};

const deep = (): unknown => {
  let nested: unknown = [];
  for (let i = 0; i < 20_000; i++) nested = [nested];
  return nested;
};

const VALUES: readonly (readonly [string, () => unknown])[] = [
  ['null', () => null],
  ['true', () => true],
  ['5', () => 5],
  ['-1', () => -1],
  ['0.3', () => 0.3],
  ['NaN', () => Number.NaN],
  ['Infinity', () => Number.POSITIVE_INFINITY],
  ['10n', () => 10n],
  ["''", () => ''],
  ["'nonsense'", () => 'nonsense'],
  ["'file://host/file'", () => 'file://host/file'],
  ["'f64'", () => 'f64'],
  ['a symbol', () => Symbol('s')],
  ['a function', () => () => undefined],
  ['[]', () => []],
  ['[null]', () => [null]],
  ['[Symbol()]', () => [Symbol('s')]],
  ['[{}]', () => [{}]],
  ['five symbols', () => Array(5).fill([Symbol('x'), Symbol('y')])],
  ['six symbols', () => Array(6).fill(Symbol('x'))],
  ['deep lists', deep],
  ['{}', () => ({})],
  ['an object without prototype', () => Object.create(null)],
  [
    'a constructor that throws',
    () => ({
      get constructor() {
        return throws();
      },
    }),
  ],
  ['a name that is no text', () => ({ constructor: { name: Symbol('n') } })],
  ['a proxy that throws', () => new Proxy({}, { get: throws, has: throws, ownKeys: throws, getPrototypeOf: throws })],
  ['a date', () => new Date(0)],
  ['{ data }', () => ({ data: new Uint8Array(3), width: Number.NaN, height: 1 })],
  ['{ data: null }', () => ({ data: null, width: 1, height: 1 })],
  ['floats', () => ({ data: new Float32Array(3), width: 1, height: 2 })],
  ['bytes', () => new Uint8Array(3)],
  ['floats of the wrong length', () => new Float32Array(3)],
  [
    'detached bytes',
    () => {
      const bytes = new Uint8Array(8);
      structuredClone(bytes, { transfer: [bytes.buffer] });
      return bytes;
    },
  ],
  ['shared memory', () => new SharedArrayBuffer(8)],
  ['half a network', () => ({ names: () => null, name: 'x' })],
];

interface Call {
  readonly name: string;
  readonly args: readonly unknown[];
  /** Options are the last argument; these are what they may hold. */
  readonly options: readonly string[];
  run(...args: never[]): unknown;
}

const RUN = ['signal', 'onProgress'];
const DETECT = [...RUN, 'compat', 'detectFaces', 'detectionScales', 'maxPixels', 'minFaceSize'];
const RENDER = [
  ...RUN,
  'adain',
  'backgroundUpscale',
  'faces',
  'faceUpscale',
  'fidelity',
  'indices',
  'mask',
  'output',
  'perFace',
  'quality',
  'seed',
  'strength',
  'temperature',
  'upscaling',
];
const RESTORE = [
  ...new Set([...DETECT, ...RENDER]),
  'aligned',
  'grayscale',
  'onlyCenterFace',
  'parseFace',
  'restoreFace',
  'upscale',
  'upscaleFloat',
];

/** Whether options may be that, all of them left out. */
function isEmpty(value: unknown): boolean {
  try {
    return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;
  } catch {
    return false;
  }
}

/**
 * Calls everything.
 * @returns how many calls that were, and those that ended with another error than one of the library's or the caller's
 */
export async function hostileCalls(device: library.Executor): Promise<{ count: number; untyped: string[] }> {
  // Calls that pass all checks end here, before they use the device.
  const stop = { signal: AbortSignal.abort() };
  const photo: Picture = { data: new Uint8Array(4 * 64), width: 8, height: 8 };
  const png = await library.encodeImage(photo);
  const weights = generatedWeights('codeformer', TINY, 3);
  const small = generatedWeights('residual-upscaler', { channels: 8, blocks: 1 }, 2);
  const net = await library.CodeFormer.load(device, weights);
  const upscaler = await library.ResidualUpscaler.load(device, small);
  const restorer = await library.createRestorer({ device, weights, detector: null, upscaler: null });
  const face = await restorer.encode(photo);
  const prepared = await restorer.prepare(photo, { faces: [] });
  const input = new Float32Array(3 * TINY.size ** 2);
  const encoded = await net.encode(input);
  const onDevice = await DevicePicture.upload(device, photo);
  const planes = { data: new Float32Array(3 * 64), width: 8, height: 8 };
  const five = [
    [50, 47],
    [70, 47],
    [60, 58],
    [52, 66],
    [68, 66],
  ];
  const detector = Object.create(library.RetinaFace.prototype) as library.RetinaFace;
  const many = async (photos: never, options: never) => {
    for await (const _ of restorer.restoreMany(photos, options));
  };
  const sizes = { width: 4, height: 4 };
  const call = (
    name: string,
    run: (...args: never[]) => unknown,
    args: readonly unknown[],
    options: readonly string[],
  ): Call => ({
    name,
    run,
    args,
    options,
  });
  const calls: Call[] = [
    call(
      'createDevice',
      library.createDevice,
      [{ adapter: 'software' }],
      ['adapter', 'precision', 'device', 'misspelt'],
    ),
    call(
      'createRestorer',
      library.createRestorer,
      [{ device, weights: null, detector: null, upscaler: null, ...stop }],
      ['weights', 'detector', 'parser', 'upscaler', 'device', 'adapter', 'precision', 'signal', 'misspelt'],
    ),
    call('openWeights', library.openWeights, ['/none', stop], ['role', 'signal']),
    call('generatedWeights', generatedWeights as never, ['codeformer', TINY, 1], []),
    call('decodeImage', library.decodeImage, [png, {}], ['maxPixels', 'name']),
    call('encodeImage', library.encodeImage, [photo, {}], ['type', 'quality']),
    call('readImageFile', library.readImageFile, ['/none.png', {}], ['maxPixels']),
    call('writeImageFile', library.writeImageFile, ['/none/none.png', photo, stop], ['quality', 'signal']),
    call('alignFace', library.alignFace as never, [five, 32, {}], ['method']),
    call(
      'detectFaces',
      library.detectFaces,
      [detector, photo, { ...stop, compat: 5 }],
      [...RUN, 'threshold', 'nms', 'scales', 'minEyeDistance'],
    ),
    call(
      'resize',
      pixels.resize,
      [device, photo, { ...sizes, ...stop }],
      ['signal', 'width', 'height', 'factor', 'filter'],
    ),
    call(
      'warpAffine',
      pixels.warpAffine,
      [device, photo, [1, 0, 0, 0, 1, 0], { ...sizes, ...stop }],
      ['signal', 'width', 'height', 'border', 'compat'],
    ),
    call('erode', pixels.erode, [device, photo, { size: 3, ...stop }], ['signal', 'size']),
    call('gaussianBlur', pixels.gaussianBlur, [device, photo, { size: 3, ...stop }], ['signal', 'size', 'sigma']),
    call('CodeFormer.load', library.CodeFormer.load, [device, weights, stop], ['signal']),
    call('ParseNet.load', library.ParseNet.load, [device, small, stop], ['signal', 'size']),
    call('RetinaFace.load', library.RetinaFace.load, [device, small, stop], ['signal']),
    call('RRDBNet.load', library.RRDBNet.load, [device, small, stop], ['signal']),
    call('ResidualUpscaler.load', library.ResidualUpscaler.load, [device, small, stop], ['signal']),
    call('net.encode', net.encode.bind(net), [input, stop], [...RUN, 'batch']),
    call(
      'net.encodePicture',
      net.encodePicture.bind(net),
      [{ data: new Uint8Array(4 * TINY.size ** 2), width: 32, height: 32 }, stop],
      RUN,
    ),
    call('net.decode', net.decode.bind(net), [encoded, stop], [...RUN, 'fidelity', 'adain', 'indices']),
    call('net.decodePicture', net.decodePicture.bind(net), [encoded, stop], [...RUN, 'fidelity', 'adain', 'indices']),
    call(
      'net.trace',
      net.trace.bind(net),
      [input, { names: ['lq_feat'], ...stop }],
      [...RUN, 'batch', 'fidelity', 'adain', 'names'],
    ),
    call(
      'upscaler.forward',
      upscaler.forward.bind(upscaler),
      [planes.data, { width: 8, height: 8, ...stop }],
      [...RUN, 'width', 'height'],
    ),
    call('upscaler.upscale', upscaler.upscale.bind(upscaler), [photo, stop], [...RUN, 'scale', 'tile', 'tilePad']),
    call(
      'upscaler.upscaleFloat',
      upscaler.upscaleFloat.bind(upscaler),
      [planes, stop],
      [...RUN, 'scale', 'tile', 'tilePad'],
    ),
    call(
      'upscaler.upscaleOnDevice',
      upscaler.upscaleOnDevice.bind(upscaler),
      [onDevice, stop],
      [...RUN, 'scale', 'tile', 'tilePad'],
    ),
    call('detect', restorer.detect.bind(restorer), [photo, stop], DETECT),
    call('restore', restorer.restore.bind(restorer) as never, [photo, stop], RESTORE),
    call('sweep', restorer.sweep.bind(restorer) as never, [photo, { fidelity: [0, 1], ...stop }], RESTORE),
    call('restoreMany', many, [[photo], stop], [...RESTORE, 'onError']),
    call('prepare', restorer.prepare.bind(restorer), [photo, stop], RESTORE),
    call('render', prepared.render.bind(prepared) as never, [stop], RENDER),
    call('encode', restorer.encode.bind(restorer), [photo, stop], RUN),
    call(
      'face.decode',
      face.decode.bind(face),
      [stop],
      [...RUN, 'fidelity', 'adain', 'indices', 'temperature', 'seed'],
    ),
  ];

  let count = 0;
  const untyped: string[] = [];
  const attempt = async (what: string, { run }: Call, args: readonly unknown[]) => {
    count++;
    try {
      const made = await (run as (...given: readonly unknown[]) => unknown)(...args);
      const { destroy } = (made ?? {}) as { destroy?: () => unknown };
      if (typeof destroy === 'function') await destroy.call(made);
    } catch (error) {
      if (!(error instanceof CodeFormerError) && error !== own) untyped.push(`${what}: ${error}`);
    }
  };
  for (const each of calls) {
    for (const [shown, value] of VALUES) {
      for (const i of each.args.keys()) {
        // Iterating is the caller's own.
        if (each.name === 'restoreMany' && i === 0 && shown === 'detached bytes') continue;
        // Without options these go to work.
        const empty = i === each.args.length - 1 && isEmpty(value());
        if (!(empty && /create|load/.test(each.name)))
          await attempt(`${each.name}, argument ${i}: ${shown}`, each, each.args.with(i, value()));
      }
      const others = each.args.at(-1) as object;
      for (const option of each.options)
        await attempt(`${each.name}, ${option}: ${shown}`, each, each.args.with(-1, { ...others, [option]: value() }));
    }
  }
  for (const made of [encoded, onDevice, face, prepared, net, upscaler]) made.destroy();
  await restorer.destroy();
  return { count, untyped };
}
