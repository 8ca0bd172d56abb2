// What the lab computes without a page: measures, paint, codes, selections, history.

import { describe, expect, test } from 'vitest';
import { History } from '../../demo/history.js';
import { changedCells, copied, drawn, likeliest, pasted, stepped, swapped, withCodes } from '../../demo/lab/codes.js';
import { comparison } from '../../demo/lab/metrics.js';
import { destination, everything, extended, single, toggled } from '../../demo/lab/selection.js';
import { inSlices } from '../../demo/lab/slices.js';
import { fidelityLevels, fidelityOf, isBlank, paintCells, paintOf, Stroke } from '../../demo/paint.js';
import { fidelityToJson, formatFaceCodes, parseFaceCodes } from '../../src/pipeline/face-codes.js';
import { randomNumbers, sampleCodes } from '../../src/pipeline/sampling.js';

const live = new AbortController().signal;

/** A picture whose channels are functions of the place. */
function picture(side: number, at: (x: number, y: number, channel: number) => number) {
  const data = Uint8ClampedArray.from({ length: 4 * side * side }, (_, i) => {
    const pixel = Math.floor(i / 4);
    return i % 4 === 3 ? 255 : at(pixel % side, Math.floor(pixel / side), i % 4);
  });
  return { data, width: side, height: side };
}

const waves = picture(40, (x, y, c) => 128 + 90 * Math.sin(x / 3 + c) * Math.cos(y / 5));
const others = picture(40, (x, y, c) => 120 + 80 * Math.sin(x / 3 + c + 0.4) * Math.cos(y / 5) + ((x * 7 + y * 3) % 9));

describe('measures', () => {
  test('of equal pictures', async () => {
    expect(await inSlices(comparison(waves, waves), live)).toEqual({ psnr: Infinity, ssim: 1, sharpness: 1 });
  });

  test('PSNR of a known error, which no alpha changes', async () => {
    const off = { ...waves, data: waves.data.map((value, i) => (i % 4 === 3 ? 7 : value + (i % 2 ? 5 : -5))) };
    expect((await inSlices(comparison(off, waves), live)).psnr).toBeCloseTo(10 * Math.log10(255 ** 2 / 25), 10);
  });

  test('SSIM as its definition has it, window by window', async () => {
    const luma = ({ data }: typeof waves) =>
      Array.from(
        { length: 1600 },
        (_, i) => 0.299 * data[4 * i]! + 0.587 * data[4 * i + 1]! + 0.114 * data[4 * i + 2]!,
      );
    const [x, y] = [luma(others), luma(waves)];
    const weight = (i: number) => Math.exp(-((i - 5) ** 2) / 4.5);
    let mean = 0;
    for (let top = 0; top <= 29; top++)
      for (let left = 0; left <= 29; left++) {
        const samples: [number, number, number][] = [];
        for (let v = 0; v < 11; v++)
          for (let u = 0; u < 11; u++) {
            const at = (top + v) * 40 + left + u;
            samples.push([weight(u) * weight(v), x[at]!, y[at]!]);
          }
        const all = samples.reduce((sum, [w]) => sum + w, 0);
        const mu = samples.reduce((sum, [w, a]) => sum + (w / all) * a, 0);
        const nu = samples.reduce((sum, [w, , b]) => sum + (w / all) * b, 0);
        const vx = samples.reduce((sum, [w, a]) => sum + (w / all) * (a - mu) ** 2, 0);
        const vy = samples.reduce((sum, [w, , b]) => sum + (w / all) * (b - nu) ** 2, 0);
        const cov = samples.reduce((sum, [w, a, b]) => sum + (w / all) * (a - mu) * (b - nu), 0);
        const [c1, c2] = [2.55 ** 2, 7.65 ** 2];
        mean += ((2 * mu * nu + c1) * (2 * cov + c2)) / ((mu * mu + nu * nu + c1) * (vx + vy + c2)) / 900;
      }
    expect((await inSlices(comparison(others, waves), live)).ssim).toBeCloseTo(mean, 9);
    expect(mean).toBeLessThan(0.95);
  });

  test('sharpness doubles with the contrast, and is nothing against a flat picture', async () => {
    const steps = (height: number) => picture(16, (x, y) => 100 + height * ((x + y) % 2));
    expect((await inSlices(comparison(steps(20), steps(10)), live)).sharpness).toBeCloseTo(2, 10);
    expect((await inSlices(comparison(steps(0), steps(0)), live)).sharpness).toBeNaN();
  });

  test('work in slices, which can be stopped', async () => {
    let slices = 0;
    for (const work = comparison(waves, others); !work.next().done; ) slices++;
    expect(slices).toBeGreaterThanOrEqual(5);
    function* endless(): Generator<void, void> {
      for (;;) yield;
    }
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 5);
    await expect(inSlices(endless(), controller.signal)).rejects.toThrow(/abort/);
    await expect(
      inSlices(
        comparison(
          waves,
          picture(8, () => 0),
        ),
        live,
      ),
    ).rejects.toThrow(/40x40/);
  });
});

describe('paint', () => {
  const brush = { radius: 3, softness: 0, value: 1 };

  test('covers what lies under the way of the brush, and nothing else', () => {
    const stroke = new Stroke(null, 20, brush);
    stroke.to({ x: 4, y: 10 });
    stroke.to({ x: 14, y: 10 });
    const map = fidelityOf(stroke.present(), 0.2) as Float32Array;
    const at = (x: number, y: number) => map[y * 20 + x];
    expect([at(4, 10), at(9, 8), at(14, 12)]).toEqual([1, 1, 1]);
    for (const far of [at(0, 0), at(9, 5), at(9, 14), at(19, 10)]) expect(far).toBeCloseTo(0.2, 6);
  });

  test('is soft at its edge, and no more covering where it crosses itself', () => {
    const soft = { radius: 6, softness: 1, value: 1 };
    const once = new Stroke(null, 20, soft);
    once.to({ x: 10, y: 10 });
    const twice = new Stroke(null, 20, soft);
    for (let i = 0; i < 5; i++) twice.to({ x: 10, y: 10 });
    expect(twice.present()).toEqual(once.present());
    const { cover } = once.present();
    const row = [10, 11, 12, 13, 14, 15].map(x => cover[10 * 20 + x]!);
    expect(row).toEqual(row.toSorted((a, b) => b - a));
    expect(row.filter(value => value > 0 && value < 1).length).toBeGreaterThan(3);
  });

  test('goes away with the eraser, and lets another fidelity below show', () => {
    const stroke = new Stroke(null, 20, brush);
    stroke.to({ x: 10, y: 10 });
    const painted = stroke.present();
    const eraser = new Stroke(painted, 20, { ...brush, radius: 10, value: null });
    eraser.to({ x: 10, y: 10 });
    expect(isBlank(eraser.present())).toBe(true);
    expect(isBlank(painted)).toBe(false);
    expect(fidelityOf(eraser.present(), 0.7)).toBe(0.7);
    expect(fidelityLevels(painted, 0)[0]).toBe(0);
    expect(fidelityLevels(painted, 1)[0]).toBe(255);
  });

  test('fills cells without a pointer', () => {
    const levels = fidelityLevels(paintCells(null, 8, 4, [0, 5], 0.5), 0);
    const lit = [...levels.keys()].filter(i => levels[i]! > 0);
    expect(lit).toEqual([0, 1, 8, 9, 18, 19, 26, 27]);
    expect(isBlank(paintCells(paintCells(null, 8, 4, [0], 1), 8, 4, [0], null))).toBe(true);
  });

  test('survives a document', () => {
    const stroke = new Stroke(null, 20, { radius: 5, softness: 1, value: 0.9 });
    stroke.to({ x: 10, y: 10 });
    const map = fidelityOf(stroke.present(), 0.3) as Float32Array;
    const codes = { size: 20, grid: 1, codebook: 1, fingerprint: '0'.repeat(64), model: null };
    const text = formatFaceCodes({ ...codes, indices: Int32Array.of(0), fidelity: map });
    const { fidelity } = parseFaceCodes(text, 'codes');
    const { paint, below } = paintOf(fidelity as Float32Array);
    expect(fidelityOf(paint, below)).toEqual(map);
    expect(fidelityToJson(fidelityOf(paint, below))).toEqual(JSON.parse(text).fidelity);
    expect(below).toBeCloseTo(0.3, 2);
  });
});

describe('codes', () => {
  const indices = Int32Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8);

  test('are changed in a copy', () => {
    expect(withCodes(indices, [1, 8], cell => cell + 10)).toEqual(Int32Array.of(0, 11, 2, 3, 4, 5, 6, 7, 18));
    expect(swapped(indices, 0, 8)).toEqual(Int32Array.of(8, 1, 2, 3, 4, 5, 6, 7, 0));
    expect(changedCells(indices, swapped(indices, 0, 8))).toEqual([0, 8]);
    expect(indices[0]).toBe(0);
    expect([stepped(0, -1, 9), stepped(8, 1, 9), stepped(3, 2, 9)]).toEqual([8, 0, 5]);
  });

  test('are copied as a pattern, and pasted as far as the grid reaches', () => {
    const pattern = copied(indices, 3, [4, 0]);
    expect(pasted(indices, 3, [5], pattern)).toEqual(Int32Array.of(0, 1, 2, 3, 4, 0, 6, 7, 8));
    expect(pasted(indices, 3, [1], pattern)).toEqual(Int32Array.of(0, 0, 2, 3, 4, 4, 6, 7, 8));
    expect(pasted(indices, 3, [0, 4, 8], copied(indices, 3, [7]))).toEqual(Int32Array.of(7, 1, 2, 3, 7, 5, 6, 7, 7));
  });

  test('are drawn as the library draws them, at some places or at all', () => {
    const random = randomNumbers(3, 1);
    const logits = Float32Array.from({ length: 9 * 4 }, () => 3 * random());
    const how = { temperature: 1, seed: 5 };
    const all = drawn(indices, indices.keys(), logits, 4, how);
    expect(all).toEqual(sampleCodes(logits, 4, 1, randomNumbers(5, 0)));
    expect(drawn(indices, [2, 7], logits, 4, how)).toEqual(withCodes(indices, [2, 7], cell => all[cell]!));
  });

  test('are listed by their probability', () => {
    const logits = Float32Array.of(9, 9, 9, Math.log(1), Math.log(6), Math.log(3));
    const [first, second] = likeliest(logits, 3, 1, 2);
    expect([first!.code, second!.code]).toEqual([1, 2]);
    expect([first!.probability, second!.probability]).toEqual([expect.closeTo(0.6, 6), expect.closeTo(0.3, 6)]);
  });
});

describe('selections', () => {
  test('follow the keys, within the grid', () => {
    expect(destination('ArrowRight', 5, 4)).toBe(6);
    expect(destination('ArrowRight', 7, 4)).toBe(7);
    expect(destination('ArrowLeft', 4, 4)).toBe(4);
    expect(destination('ArrowUp', 5, 4)).toBe(1);
    expect(destination('ArrowUp', 1, 4)).toBe(1);
    expect(destination('ArrowDown', 13, 4)).toBe(13);
    expect(['Home', 'End', 'PageUp', 'PageDown'].map(key => destination(key, 6, 4))).toEqual([4, 7, 2, 14]);
    expect(destination('x', 6, 4)).toBeNull();
  });

  test('are rectangles from where they began', () => {
    const selection = extended(extended(single(5), 4, 15), 4, 8);
    expect([...selection.cells].sort((a, b) => a - b)).toEqual([4, 5, 8, 9]);
    expect([selection.anchor, selection.cursor]).toEqual([5, 8]);
  });

  test('take and leave single cells, but never become empty', () => {
    const both = toggled(single(1), 2);
    expect([...both.cells]).toEqual([1, 2]);
    expect([...toggled(both, 1).cells]).toEqual([2]);
    expect([...toggled(single(1), 1).cells]).toEqual([1]);
    expect(everything(4, single(3)).cells.size).toBe(16);
  });
});

test('history goes back and forth, and forgets what was undone once something else is done', () => {
  const history = new History<number>();
  expect([history.canUndo, history.undo(0)]).toEqual([false, null]);
  history.push(0);
  history.push(1);
  expect(history.undo(2)).toBe(1);
  expect(history.undo(1)).toBe(0);
  expect([history.canUndo, history.canRedo]).toEqual([false, true]);
  expect(history.redo(0)).toBe(1);
  history.push(1);
  expect([history.canRedo, history.redo(9)]).toEqual([false, null]);
  for (let i = 0; i < 100; i++) history.push(i);
  let count = 0;
  for (let now: number | null = 100; now !== null; count++) now = history.undo(now);
  expect(count).toBe(41);
});
