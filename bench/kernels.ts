// Every convolution and linear layer of the official network: checked against the CPU reference on a small picture, then timed. GFLOPS
// are those of the direct convolution, whichever kernel runs, so that they compare.

import { winogradSide } from '../src/kernels/winograd/winograd.webgpu.js';
import { convError, prepareConv, times, timesByShader, webgpuDevice } from './measure.js';
import { median, type Options, type Report, type Row } from './report.js';
import { shapes } from './shapes.js';

export async function benchKernels({ filter, runs, details, adapter }: Options): Promise<Report> {
  const device = await webgpuDevice(adapter);
  const rows: Row[] = [];
  const notes: string[] = [];
  let total = 0;
  for (const { name, count, params } of shapes) {
    const chosen = winogradSide(params, device.target) ? 'winograd' : 'direct';
    for (const convolution of ['direct', 'winograd'] as const) {
      // The other algorithm is only of interest where it is asked for by name.
      const label = `${convolution} ${name}`;
      if (!label.includes(filter) || (convolution !== chosen && !filter.includes(convolution))) continue;
      const error = await convError(device, convolution, params);
      const { prepared } = await prepareConv(device, convolution, params);
      try {
        const all = await times(device, prepared, runs);
        const ms = median(all);
        const { x, y, size } = params;
        const flops = 2 * y.n * y.h * y.w * y.c * x.c * size * size;
        const bytes = prepared.dispatches.reduce((sum, d) => sum + d.dispatch.bytes, 0);
        rows.push({
          kernel: label,
          count,
          ms,
          'min ms': Math.min(...all),
          GFLOPS: flops / ms / 1e6,
          'GB/s': bytes / ms / 1e6,
          error,
        });
        if (convolution === chosen) total += count * ms;
        if (details) {
          const parts = [...(await timesByShader(device, prepared, runs))].map(([n, t]) => `${n} ${t.toFixed(1)} ms`);
          notes.push(`${label}: ${parts.join(', ')}`);
        }
      } finally {
        prepared.destroy();
      }
    }
  }
  notes.push(`Count times median of the rows the network uses: ${(total / 1000).toFixed(2)} s`);
  return { adapter: device.describe(), rows, notes };
}
