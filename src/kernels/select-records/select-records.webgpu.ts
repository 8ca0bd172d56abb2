// `select-records` on WebGPU; see select-records.wgsl.

import { RECORD } from '../detector-records/detector-records.js';
import { ceilDiv } from '../kernel.js';
import type { Dispatch, WebgpuKernel } from '../webgpu.js';
import type { SelectRecordsParams } from './select-records.js';
import code from './select-records.wgsl';

/** Records of an invocation. */
const CHUNK = 64;

export const webgpuSelectRecords: WebgpuKernel<SelectRecordsParams> = {
  scratch: ({ records }) => ({ counts: { type: 'u32', elements: ceilDiv(records, CHUNK) } }),
  dispatches({ records }): Dispatch[] {
    const chunks = ceilDiv(records, CHUNK);
    const pass = (number: number): Dispatch => ({
      shader: { name: `select-records/${number}`, code: `const PASS = ${number}u;\n${code}` },
      uniforms: { records },
      workgroups: [ceilDiv(chunks, 16), 1, 1],
      operands: ['records', 'threshold', 'counts', 'selected'],
      flops: number * chunks * chunks,
      bytes: records * 4 * (number === 0 ? 1 : 2 * RECORD),
    });
    return [pass(0), pass(1)];
  },
};
