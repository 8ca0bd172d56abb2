// Programs in the place of the engine's process: each speaks its protocol and does, for the name of a picture, what tests need.

import { existsSync, writeFileSync } from 'node:fs';
import { argv, pid } from 'node:process';

const running = new Map();
const decoder = new TextDecoder();
let broken = null;

process.on('disconnect', () => process.exit());
process.on('message', message => {
  if (message.kind === 'start') return start(message.settings);
  if (message.kind === 'abort') return running.get(message.id)?.();
  restore(message);
});

/** What the settings name as weights: how the process starts. */
function start({ weights }) {
  if (weights === 'none')
    process.send({ kind: 'refused', error: { code: 'NO_ADAPTER', message: 'There is no adapter' } });
  else if (weights === 'dies') process.exit(1);
  else process.send({ kind: 'ready', info: { adapter: `process ${pid}`, model: 'test', memory: 1 } });
  // A file that says whether something has broken before.
  broken = weights;
}

function restore({ id, photo }) {
  const [name, detail] = decoder.decode(photo).split(' ');
  const send = message => process.send({ id, ...message });
  const done = () =>
    send({
      kind: 'restored',
      result: { image: photo, width: 1, height: 1, seed: pid, faces: 0, timings: {} },
      memory: 2,
    });
  const failed = error => send({ kind: 'failed', error });
  const isFirst = () => {
    if (existsSync(broken)) return false;
    writeFileSync(broken, '');
    return true;
  };
  send({ kind: 'log', message: `begun ${name}`, level: 'INFO' });
  if (name === 'quick') done();
  else if (name === 'slow') {
    const timer = setTimeout(done, Number(detail));
    running.set(id, () => {
      clearTimeout(timer);
      failed({ code: 'ABORTED', message: 'aborted' });
    });
  } else if (name === 'hangs') setTimeout(() => {}, 100_000);
  else if (name === 'kills') process.kill(pid, 'SIGKILL');
  else if (name === 'kills-once') isFirst() ? process.kill(pid, 'SIGKILL') : done();
  else if (name === 'loses-once') isFirst() ? failed({ code: 'DEVICE_LOST', message: 'lost' }) : done();
  else if (name === 'defect') failed({ message: 'a defect' });
  else failed({ code: 'INVALID_IMAGE', message: 'no picture' });
}

if (argv.length > 2) throw new Error('unexpected arguments');
