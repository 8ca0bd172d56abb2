// One record for each prior of the detector; see detector-records.wgsl.

import { CodeFormerError } from '../../errors.js';
import { Plan } from '../conv/plan.js';
import { type Dispatch, type Kernel, type Layout, layoutElements, linearGrid, type Operand } from '../kernel.js';
import code from './detector-records.wgsl';

/** Channels of a level: logits, boxes and landmarks of the two priors of a pixel. */
export const HEAD_CHANNELS = 32;

/** Values of a record: 2 scores, 4 of the box, 10 of the landmarks. */
export const RECORD = 16;

export interface DetectorRecordsParams {
  /** Of f32 and with 32 channels, nothing between the pixels. */
  readonly levels: readonly [Layout, Layout, Layout];
}

const plan = new Plan('detector-records', {
  // There is one strip.
  strip: 'u32',
  // Pixels up to the end of each level.
  pixels_0: 'u32',
  pixels_1: 'u32',
  pixels_2: 'u32',
});

const levelPixels = ({ n, h, w }: Layout): number => n * h * w;

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
      if (l.c !== HEAD_CHANNELS || l.stride !== HEAD_CHANNELS || l.offset !== 0) {
        throw new CodeFormerError(
          'SHAPE_MISMATCH',
          `Expected levels of ${HEAD_CHANNELS} channels but received ${l.c} in ${l.stride} from ${l.offset}`,
        );
      }
      return { access: 'read', type: 'f32', elements: layoutElements(l), layout: l };
    }) as [Operand, Operand, Operand];
    const records: Operand = { access: 'write', type: 'f32', elements: priorCount(params) * RECORD };
    return { level_0, level_1, level_2, plan: plan.operand(), records };
  },
  dispatches(params): Dispatch[] {
    const [a, b, c] = params.levels.map(levelPixels) as [number, number, number];
    const priors = priorCount(params);
    return [
      plan.write({ pixels_0: a, pixels_1: a + b, pixels_2: a + b + c }),
      {
        shader: {
          name: 'detector-records',
          code: plan.struct + code,
          bindings: ['read', 'read', 'read', 'read', 'write'],
        },
        workgroups: linearGrid(priors, 64),
        operands: ['level_0', 'level_1', 'level_2', 'plan', 'records'],
        flops: priors * 50,
        bytes: priors * RECORD * 8,
      },
    ];
  },
};
