// The pixel operations and the alignment against OpenCV's own results.

import { expect, test } from 'vitest';
import type { Point } from '../../src/image/geometry.js';
import { openWeights } from '../../src/node/weights.js';
import { alignFace, invertAffine } from '../../src/pipeline/align.js';
import { erode, type Filter, gaussianBlur, resize, warpAffine } from '../../src/pixels/pixels.js';
import { EXECUTORS, executorNamed } from '../device.js';
import { oracle, shared, sharedFolder } from '../shared.js';

interface Values {
  readonly shape: readonly number[];
  /** Of the kind that the test knows the tensor to be. */
  // biome-ignore lint/suspicious/noExplicitAny: see above
  readonly data: any;
}

const recorded = sharedFolder ? await openWeights(shared('fixtures', 'pixels.safetensors')) : null;
const names = (prefix: string) => recorded?.names().filter(name => name.startsWith(prefix)) ?? ['absent'];
const tensor = async (name: string) => (await recorded!.tensor(name)) as unknown as Values;
const parameters = (name: string) =>
  JSON.parse(recorded!.metadata[name]!) as Record<string, number> & { matrix: number[][] };

const picture = ({ shape, data }: Values) => ({ data, width: shape[1]!, height: shape[0]! });

/** One of the channels of a float picture, or a plane of floats or doubles. */
function plane({ shape, data }: Values, channel = 0) {
  const channels = shape[2] ?? 1;
  const [height, width] = shape as [number, number];
  return {
    data: Float32Array.from({ length: width * height }, (_, i) => data[i * channels + channel]!),
    width,
    height,
  };
}

const first = (got: ArrayLike<number>, want: ArrayLike<number>) =>
  Array.from(got).findIndex((value, i) => value !== want[i]);

function worst(got: ArrayLike<number>, want: ArrayLike<number>): number {
  expect(got.length).toBe(want.length);
  return Array.from(got).reduce((most, value, i) => Math.max(most, Math.abs(value - want[i]!)), 0);
}

oracle.each(EXECUTORS)('resize on %s', executor => {
  test.each(['linear', 'area', 'lanczos4'].flatMap(filter => names(`resize.${filter}.`).map(name => [name, filter])))(
    '%s',
    async (name, filter) => {
      const { width, height } = parameters(name!);
      const image = picture(await tensor('image'));
      const got = await resize(await executorNamed(executor), image, {
        width: width!,
        height: height!,
        filter: filter as Filter,
      });
      const want = await tensor(name!);
      expect(got.data.length).toBe(want.data.length);
      expect(first(got.data, want.data)).toBe(-1);
    },
  );

  test.each(names('resize.linear_f32.'))('%s', async name => {
    const { width, height } = parameters(name);
    for (const c of [0, 1, 2]) {
      const got = await resize(await executorNamed(executor), plane(await tensor('image_f32'), c), {
        width: width!,
        height: height!,
      });
      expect(worst(got.data, plane(await tensor(name), c).data)).toBeLessThan(1e-6);
    }
  });

  test.each(['linear', 'area'] as const)('resize.half, %s', async filter => {
    const { data, width } = picture(await tensor('image'));
    const cut = new Uint8Array(60 * 46 * 3);
    for (let y = 0; y < 46; y++) cut.set(data.subarray(y * width * 3, (y * width + 60) * 3), y * 60 * 3);
    const half = { width: 30, height: 23, filter };
    const got = await resize(await executorNamed(executor), { data: cut, width: 60, height: 46 }, half);
    expect(first(got.data, (await tensor('resize.half')).data)).toBe(-1);
  });

  test('resize.factor', async () => {
    const got = await resize(await executorNamed(executor), picture(await tensor('image')), { factor: 2.3 });
    const want = await tensor('resize.factor');
    expect([got.height, got.width, 3]).toEqual(want.shape);
    expect(first(got.data, want.data)).toBe(-1);
  });
});

oracle.each(EXECUTORS)('warpAffine on %s', executor => {
  const size = { width: 80, height: 72, compat: true };

  test.each(names('warp.u8.'))('%s', async name => {
    const border = [135, 133, 132];
    const matrix = parameters(name).matrix.flat();
    const got = await warpAffine(await executorNamed(executor), picture(await tensor('image')), matrix, {
      ...size,
      border,
    });
    expect(first(got.data, (await tensor(name)).data)).toBe(-1);
  });

  test.each(names('warp.f32.'))('%s', async name => {
    const matrix = parameters(name).matrix.flat();
    for (const c of [0, 1, 2]) {
      const got = await warpAffine(await executorNamed(executor), plane(await tensor('image_f32'), c), matrix, size);
      expect(worst(got.data, plane(await tensor(name), c).data)).toBeLessThan(1e-6);
    }
  });

  test.each(names('invert.'))('%s', async name => {
    const matrix = parameters(`warp.u8.${name.split('.')[1]}`).matrix.flat();
    const want = (await tensor(name)).data;
    const scale = Math.max(...Array.from(want, Math.abs));
    expect(worst(invertAffine(matrix), want)).toBeLessThan(1e-12 * scale);
  });
});

oracle('alignFace', () => {
  test('60 sets of landmarks', async () => {
    const { data } = await tensor('align.landmarks');
    const matrices = (await tensor('align.matrix')).data;
    for (let set = 0; set < 60; set++) {
      const landmarks = Array.from(
        { length: 5 },
        (_, i): Point => [data[10 * set + 2 * i]!, data[10 * set + 2 * i + 1]!],
      );
      const want = matrices.subarray(6 * set, 6 * set + 6);
      const scale = Math.max(...Array.from(want, Math.abs));
      expect(worst(alignFace(landmarks), want) / scale, `set ${set}`).toBeLessThan(1e-5);
    }
  });
});

oracle.each(EXECUTORS)('filters on %s', executor => {
  test.each(names('erode.'))('%s', async name => {
    const size = Number(name.split('.')[1]);
    const got = await erode(await executorNamed(executor), plane(await tensor('mask')), { size });
    expect(first(got.data, (await tensor(name)).data)).toBe(-1);
  });

  test.each(names('blur.').filter(name => name !== 'blur.parse'))('%s', async name => {
    const size = Number(name.split('.')[1]);
    const got = await gaussianBlur(await executorNamed(executor), plane(await tensor('mask')), { size });
    expect(worst(got.data, (await tensor(name)).data)).toBeLessThan(5e-7);
  });

  test('blur.parse', async () => {
    const want = plane(await tensor('blur.parse'));
    const { width, height } = want;
    const data = Float32Array.from({ length: width * height }, (_, i) => {
      const [x, y] = [i % width, Math.floor(i / width)];
      return y >= 40 && y < 120 && x >= 30 ? 255 : 0;
    });
    const device = await executorNamed(executor);
    const once = await gaussianBlur(device, { data, width, height }, { size: 101, sigma: 11 });
    const twice = await gaussianBlur(device, once, { size: 101, sigma: 11 });
    expect(worst(twice.data, want.data)).toBeLessThan(255 * 1e-6);
  });
});
