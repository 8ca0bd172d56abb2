// One record for each prior of the detector.

import { array, type Kernel, type Layout, mismatch, type Operand, tensor } from '../kernel.js';

/** Channels of a level: logits, boxes and landmarks of the two priors of a pixel. */
export const HEAD_CHANNELS = 32;

/** Values of a record: 2 scores, 4 of the box, 10 of the landmarks. */
export const RECORD = 16;

export interface DetectorRecordsParams {
  /** Of f32 and with 32 channels, nothing between the pixels. */
  readonly levels: readonly [Layout, Layout, Layout];
}

export const levelPixels = ({ n, h, w }: Layout): number => n * h * w;

export const priorCount = ({ levels }: DetectorRecordsParams): number =>
  2 * levels.reduce((sum, level) => sum + levelPixels(level), 0);

/**
 * Operands: `level_0`, `level_1`, `level_2`; `records`, f32 [priors][16]: levels one after another, the two priors of a pixel together.
 * @throws `SHAPE_MISMATCH` for levels of another layout
 */
export const detectorRecords: Kernel<DetectorRecordsParams> = {
  name: 'detector-records',
  operands(params): Record<string, Operand> {
    const [level_0, level_1, level_2] = params.levels.map((l): Operand => {
      if (l.c !== HEAD_CHANNELS || l.stride !== HEAD_CHANNELS || l.offset !== 0)
        throw mismatch(`levels of ${HEAD_CHANNELS} channels`, `${l.c} in ${l.stride} from ${l.offset}`);
      return tensor('read', l, 'f32');
    }) as [Operand, Operand, Operand];
    return { level_0, level_1, level_2, records: array('write', 'f32', priorCount(params) * RECORD) };
  },
};
