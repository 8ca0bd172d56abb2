// The bench as a page: measures in this browser, shows and copies what was found, compares it with another report, and tunes.

import { compareReports } from '../../src/bench/compare.js';
import { type BenchReport, parseReport, printReport, type Section } from '../../src/bench/report.js';
import { find } from '../dom.js';
import { keepOffline } from '../offline.js';
import { ROOT, startWorker } from '../workers.js';
import type { Answer, Task, TuneResult } from './messages.js';

const field = (id: string) => find<HTMLInputElement | HTMLSelectElement>(`#${id}`);

let worker: Worker | null = null;
let report: BenchReport | null = null;

const say = (text: string) => {
  find('#status').textContent = text;
};

const show = (text: string) => {
  find<HTMLTextAreaElement>('#report').value = text;
};

function complain(message: string | null): void {
  find('#problem').hidden = message === null;
  find('#problem').textContent = message;
}

/** Whether there is work: then it can be stopped, and nothing else be begun. */
function setBusy(busy: boolean): void {
  for (const id of ['run', 'tune']) find<HTMLButtonElement>(`#${id}`).disabled = busy;
  find('#stop').hidden = !busy;
  for (const id of ['copy', 'compare']) find<HTMLButtonElement>(`#${id}`).disabled = busy || report === null;
}

function end(text: string): void {
  worker?.terminate();
  worker = null;
  say(text);
  setBusy(false);
}

function begin(kind: Task['kind']): void {
  complain(null);
  const sections = [...document.querySelectorAll<HTMLInputElement>('#sections input:checked')];
  const task: Task = {
    kind,
    weightsBase: new URL('weights/', ROOT).href,
    options: {
      sections: sections.map(({ value }) => value as Section),
      adapter: field('adapter').value as 'auto',
      precision: field('precision').value as 'auto',
      filter: field('filter').value.trim(),
      runs: Number(field('runs').value),
      side: Number(field('size').value),
      official: false,
    },
  };
  worker = startWorker('engine/bench.js', 'bench');
  worker.addEventListener('message', ({ data }: MessageEvent<Answer>) => hear(data));
  worker.addEventListener('error', event => {
    complain(event.message || 'The worker could not be started');
    end('');
  });
  worker.postMessage(task);
  say('Starting');
  setBusy(true);
}

function hear(answer: Answer): void {
  if (answer.kind === 'progress') {
    const percent = answer.share === null ? '' : `, ${Math.floor(100 * answer.share)} %`;
    say(`Measuring: ${answer.what}${percent}`);
  } else if (answer.kind === 'error') {
    complain(answer.message);
    end('');
  } else if (answer.kind === 'tuned') {
    show(tuningText(answer.result));
    const found = answer.result.shapes.length > 0;
    end(found ? 'Tuned: from now on the networks run like that in this browser' : 'There is nothing to tune here');
  } else {
    report = answer.report;
    show(printReport(report));
    if (!report.selfTest.passed) complain('Something is computed wrongly here: the report says what.');
    end('Measured');
  }
}

function tuningText({ adapter, precision, shapes }: TuneResult): string {
  if (shapes.length === 0) return `${adapter}, ${precision}: there is nothing to choose from`;
  const ms = (time: number | undefined) => `${time?.toFixed(3)} ms`;
  const lines = shapes.map(({ shape, choice, times }) => `${shape}: ${ms(times[choice])} by ${choice}`);
  return [`${adapter}, ${precision}`, '', ...lines].join('\n');
}

find('#settings').addEventListener('submit', event => {
  event.preventDefault();
  begin('measure');
});
find('#tune').addEventListener('click', () => begin('tune'));
find('#stop').addEventListener('click', () => end('Stopped'));
find('#copy').addEventListener('click', async () => {
  try {
    await navigator.clipboard.writeText(JSON.stringify(report, null, 2));
    say('Copied');
  } catch {
    // Where the browser lets no page write there.
    show(JSON.stringify(report, null, 2));
    say('The browser does not allow it: the JSON is below, to be copied by hand');
  }
});
const file = find<HTMLInputElement>('#file');
find('#compare').addEventListener('click', () => file.click());
file.addEventListener('change', async () => {
  const [chosen] = file.files ?? [];
  file.value = '';
  if (!chosen || !report) return;
  complain(null);
  try {
    show(compareReports(parseReport(new Uint8Array(await chosen.arrayBuffer()), chosen.name), report));
    say('A is the file, B is what was measured here');
  } catch (error) {
    complain((error as Error).message);
  }
});
keepOffline();
