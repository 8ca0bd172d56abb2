// `block-steps` on WebAssembly; see block-steps.as.ts.

import { divided, type Job, type WasmKernel } from '../wasm.js';
import { type BlockStepsParams, PHASES } from './block-steps.js';

/** Columns that a part takes at a time, as in block-steps.as.ts. */
const COLUMNS = 16;

export const wasmBlockSteps: WasmKernel<BlockStepsParams> = {
  jobs({ picture, rect: { x, y, width, height } }): Job[] {
    const rows = divided(height, 2 * width);
    const columns = divided(width, 2 * height, COLUMNS);
    const picked = { operand: 'x', offset: 4 * (y * picture.width + x) };
    const columnSums = { operand: 'sums', offset: 4 * PHASES * height };
    return [
      {
        run: 'stepsAlongRows',
        args: [picked, picture.width, 'sums', width, height, x, rows.each],
        parts: rows.parts,
        local: 4 * (width + 16),
      },
      {
        run: 'stepsAlongColumns',
        args: [picked, picture.width, columnSums, width, height, y, columns.each],
        parts: columns.parts,
        local: 4 * COLUMNS * (PHASES + 3),
      },
    ];
  },
};
