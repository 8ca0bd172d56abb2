// A worker of a queue on Redis in a process of its own, to be killed.

import { openRedisQueue } from '../../src/server/queue/redis.js';

const [url, name, how] = process.argv.slice(2) as [string, string, string];
const queue = await openRedisQueue(url, { name, lost: 2_000 });
queue.work(
  async (job, { log }) => {
    log({ message: 'begun', level: 'INFO', source: 'test', timestamp: new Date(0).toISOString() });
    if (how === 'hangs') await new Promise(() => {});
    const image = {
      key: `results/${job.id}`,
      width: 1,
      height: 2,
      contentType: 'image/png',
      fileName: 'a.png',
      fileSize: 3,
    };
    return { image, seed: 7 };
  },
  {
    concurrency: 1,
    finished: async () => {
      process.kill(process.pid, 'SIGKILL');
    },
  },
);
process.stdout.write('working\n');
