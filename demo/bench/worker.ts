// The benches in a worker of their own, so that the page stays alive meanwhile and can stop them.

import type { BenchReport } from '../../src/bench/report.js';
import { type BenchOptions, runBench } from '../../src/bench/run.js';
import type { RestorerOptions, TuneResult } from '../../src/pipeline/restorer-types.js';
import { createDevice } from '../../src/web/gpu.js';
import { createRestorer } from '../../src/web/restorer.js';
import type { Answer, Task } from './messages.js';

export type { BenchOptions, BenchReport, TuneResult };

// As engine-worker.ts: from its address no policy would bind it.
if (location.protocol !== 'blob:') close();
else addEventListener('message', ({ data }: MessageEvent<Task>) => void work(data));

const answer = (message: Answer) => postMessage(message);
const progress = (what: string, share: number | null) => answer({ kind: 'progress', what, share });

async function work({ kind, weightsBase, options }: Task): Promise<void> {
  const restorer = (more: RestorerOptions) => createRestorer({ ...more, weightsBase });
  try {
    if (kind === 'measure') {
      const runtime = `${navigator.userAgent}, ${navigator.hardwareConcurrency} processors`;
      const host = { runtime, createDevice, createRestorer: restorer };
      answer({ kind: 'report', report: await runBench(host, { ...options, onProgress: progress }) });
    } else {
      progress('start', null);
      const { adapter, precision } = options;
      const own = await restorer({ adapter, precision });
      const result = await own.tune({ onProgress: share => progress('tuning', share) });
      await own.destroy();
      answer({ kind: 'tuned', result });
    }
  } catch (error) {
    answer({ kind: 'error', message: (error as Error).message });
  }
}
