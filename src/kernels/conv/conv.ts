// Two-dimensional convolution and linear layers, with what comes before and after them fused.

import { array, type Kernel, type Layout, mismatch, type Operand, shapeOf, tensor, vectors } from '../kernel.js';
import { packedWeightElements } from '../pack-weights/pack-weights.js';

export const PROLOGUES = ['none', 'affine', 'affine-swish'] as const;

/**
 * y = residual + alpha * activation(conv(pad(prologue(upsample(x)))) + bias). Cross-correlation, as in PyTorch. A linear layer is a
 * 1x1 convolution over tokens.
 */
export interface ConvParams {
  readonly x: Layout;
  /** Its height and width decide how far the filter goes: padding at the bottom and right is what is then missing. */
  readonly y: Layout;
  /** Side of the filter. */
  readonly size: 1 | 3 | 5 | 7;
  readonly stride: 1 | 2;
  readonly padTop: number;
  readonly padLeft: number;
  /** Zeros, or the picture mirrored without repeating its border, which must then be larger than the padding. */
  readonly padMode: 'zero' | 'reflect';
  /** Nearest: the filter sees x at this many times its size. */
  readonly upsample: 1 | 2;
  /** x * scale + shift for each picture and channel, then swish; padding comes after it. */
  readonly prologue: (typeof PROLOGUES)[number];
  /** `leaky`: negative values times `slope`, 0 if not given; `gelu`: the exact one. */
  readonly activation: { readonly kind: 'none' | 'leaky' | 'gelu' | 'swish'; readonly slope?: number };
  readonly bias: boolean;
  readonly residual?: { readonly layout: Layout; readonly alpha: number };
  /** Type of y: `f32` keeps logits exact in f16 storage. */
  readonly outputType: 'store' | 'f32';
}

/**
 * Operands: `x`; `weights`, made by `pack-weights`; `bias`, f32 [channels of y], where asked for; `scale` and `shift`, f32 [n, channels of x
 * rounded up to 4], where there is a prologue; `residual`, where there is one; `y`.
 */
export const conv: Kernel<ConvParams> = {
  name: 'conv',
  operands(params): Record<string, Operand> {
    checkConv(params);
    const { x, y, size, prologue, bias, residual } = params;
    return {
      x: tensor('read', x),
      weights: array('read', 'store', packedWeightElements(y.c, x.c, size * size)),
      ...(bias && { bias: vectors('read', 1, y.c) }),
      ...(prologue !== 'none' && { scale: vectors('read', x.n, x.c), shift: vectors('read', x.n, x.c) }),
      ...(residual && { residual: tensor('read', residual.layout) }),
      y: tensor('write', y, params.outputType),
    };
  },
};

/** @throws `SHAPE_MISMATCH` when layouts and parameters do not fit together */
function checkConv({ x, y, size, stride, padTop, padLeft, upsample, residual }: ConvParams): void {
  const r = residual?.layout;
  const reads = (out: number, pad: number): number => (out - 1) * stride + size - pad;
  const wrong =
    x.n !== y.n || (r && (r.n !== y.n || r.h !== y.h || r.w !== y.w || r.c !== y.c))
      ? 'the same pictures in x, y and residual'
      : padTop >= size || padLeft >= size || padTop < 0 || padLeft < 0
        ? 'padding smaller than the filter'
        : reads(y.h, padTop) >= x.h * upsample + size || reads(y.w, padLeft) >= x.w * upsample + size
          ? 'an output that the input reaches'
          : null;
  if (wrong)
    throw mismatch(
      wrong,
      `x ${shapeOf(x)}, y ${shapeOf(y)}${r ? `, residual ${shapeOf(r)}` : ''}, size ${size}, stride ${stride}`,
    );
}
