// The graph: shapes, errors that name the layer, and the memory plan.

import { describe, expect, test } from 'vitest';
import { lower } from '../src/gpu/lower.js';
import { Graph } from '../src/graph/graph.js';
import { planMemory } from '../src/graph/memory.js';
import { layout } from '../src/kernels/kernel.js';
import { decodeProgram, encodeProgram } from '../src/models/codeformer/network.js';
import { OFFICIAL_CONFIG } from '../src/models/codeformer/tensors.js';

const target = { family: 'registers', precision: 'f32', maxBindingSize: 2 ** 30 } as const;
const programs = [
  encodeProgram(OFFICIAL_CONFIG, 1, 'tensor'),
  decodeProgram(OFFICIAL_CONFIG, 1, { fuse: true, adain: true, map: false }, 'tensor'),
];

describe('shapes', () => {
  test('a wrong residual is refused with the path of the layer', () => {
    const g = new Graph();
    const x = g.external('x', layout(1, 8, 8, 4));
    const wrong = g.external('wrong', layout(1, 4, 8, 4));
    expect(() => g.conv(x, 'encoder.blocks.4.conv1', { out: 4, residual: wrong })).toThrow(
      /encoder\.blocks\.4\.conv1: expected its residual to be 1x8x8x4 but received 1x4x8x4/,
    );
  });

  test('groups that do not divide the channels are refused', () => {
    const g = new Graph();
    expect(() => g.groupNorm(g.external('x', layout(1, 8, 8, 6)), 'norm1', 4)).toThrow(/norm1.*4 groups.*6/);
  });

  test('a concatenation in place needs whole vectors', () => {
    const g = new Graph();
    expect(() => g.slice(g.external('x', layout(1, 8, 8, 8)), 6, 2)).toThrow(/multiple of 4/);
  });
});

describe('memory plan', () => {
  test('tensors that live at the same time never share a slot', () => {
    for (const program of programs) {
      const calls = lower(program, target);
      const { slotOf, slots } = planMemory(calls, 'f32');
      const lives = new Map<number, [number, number]>();
      calls.forEach((call, i) => {
        for (const s of Object.values(call.operands)) {
          if (s.kind !== 'transient') continue;
          expect(slots[slotOf.get(s.id)!]).toBeGreaterThanOrEqual(s.elements * 4);
          lives.set(s.id, [lives.get(s.id)?.[0] ?? i, i]);
        }
      });
      for (const [a, [from, to]] of lives) {
        for (const [b, [start, end]] of lives) {
          if (a < b && from <= end && start <= to) expect(slotOf.get(a)).not.toBe(slotOf.get(b));
        }
      }
    }
  });

  test('the official geometry stays below 420 MB of intermediate values', () => {
    const [encode, decode] = programs.map(p => planMemory(lower(p, target), 'f32').slots.reduce((a, b) => a + b, 0));
    expect(Math.max(encode!, decode!)).toBeLessThan(420e6);
  });

  test('every tensor of the official geometry is used once', () => {
    const keys = new Set(programs.flatMap(p => p.parameters.flatMap(q => q.parts.map(part => part.key))));
    expect(keys.size).toBe(515);
  });
});
