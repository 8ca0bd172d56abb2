// Shapes and ranges on which `picture-to-tensor` and `tensor-to-picture` are tested, with all 256 bytes and all half values.

import { type Case, type KernelTest, layout } from '../kernel.js';
import { type PictureToTensorParams, pictureToTensor, type TensorToPictureParams, tensorToPicture } from './picture.js';
import { pictureToTensorReference, tensorToPictureReference } from './picture.ref.js';

const tolerance = { f32: 0, f16: 1e-3 };

/** Every byte in every channel, and any alpha. */
const words = {
  picture: (index: number) =>
    (index % 256) + (((index * 5) % 256) << 8) + (((index * 7) % 256) << 16) + ((index * 3) % 256) * 2 ** 24,
};

const pictureCases: Case<PictureToTensorParams>[] = [
  {
    name: 'one pixel',
    params: { y: layout(1, 1, 1, 3), range: 'signed' },
    tolerance,
    fill: { picture: () => 0x80ff7f01 },
  },
  { name: 'signed, all bytes', params: { y: layout(1, 16, 16, 3), range: 'signed' }, tolerance, fill: words },
  { name: 'unit, all bytes', params: { y: layout(1, 16, 16, 3), range: 'unit' }, tolerance, fill: words },
  {
    name: 'batch 2, bytes less a mean, bgr, into a slice',
    params: { y: layout(2, 11, 13, 3, 12, 4), range: 'bytes', order: 'bgr', mean: [104, 117, 123] },
    tolerance,
    fill: words,
  },
];

export const pictureToTensorTest: KernelTest<PictureToTensorParams> = {
  kernel: pictureToTensor,
  cases: pictureCases,
  usual: [{ name: '512x512', params: { y: layout(1, 512, 512, 3), range: 'signed' }, fill: words }],
  reference: pictureToTensorReference,
};

// Words are compared as numbers, of which f16 may change the lowest bit of each byte.
const wordTolerance = { f32: 0, f16: 2e-5 };

const tensorCases: Case<TensorToPictureParams>[] = [
  { name: 'one pixel', params: { x: layout(1, 1, 1, 3), range: 'signed' }, tolerance: wordTolerance },
  {
    name: 'signed, batch 2, beyond the range, from a slice',
    params: { x: layout(2, 11, 13, 3, 12, 4), range: 'signed' },
    tolerance: wordTolerance,
    fill: { x: (_, random) => 1.5 * random() },
  },
  {
    name: 'signed, half values',
    params: { x: layout(1, 16, 16, 3), range: 'signed' },
    tolerance: wordTolerance,
    fill: { x: index => (Math.floor(index / 4) + 0.5) / 127.5 - 1 },
  },
  {
    name: 'unit, beyond the range',
    params: { x: layout(1, 9, 9, 3), range: 'unit' },
    tolerance: wordTolerance,
    fill: { x: (_, random) => 0.5 + random() },
  },
  {
    name: 'unit, half values',
    params: { x: layout(1, 16, 16, 3), range: 'unit' },
    tolerance: wordTolerance,
    fill: { x: index => (Math.floor(index / 4) + 0.5) / 255 },
  },
];

export const tensorToPictureTest: KernelTest<TensorToPictureParams> = {
  kernel: tensorToPicture,
  cases: tensorCases,
  usual: [{ name: '512x512', params: { x: layout(1, 512, 512, 3), range: 'signed' } }],
  reference: tensorToPictureReference,
};
