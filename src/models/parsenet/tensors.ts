// Names and shapes of the tensors of ParseNet.

/** Input and output channels of the residual blocks around the body, whose ten blocks keep `BODY.channels`. */
export const ENCODER = [
  [64, 128],
  [128, 256],
  [256, 256],
  [256, 256],
] as const;
export const BODY = { blocks: 10, channels: 256 } as const;
export const DECODER = [
  [256, 256],
  [256, 256],
  [256, 128],
  [128, 64],
] as const;
/** Channels of the first feature map. */
export const BASE_CHANNELS = 64;
/** Regions of a face, background included. */
export const CLASSES = 19;

/** Names and shapes, without the counters of batch normalisation. */
export function parseNetTensors(): Map<string, number[]> {
  const tensors = new Map<string, number[]>();
  const plain = (name: string, to: number, from: number) => {
    tensors.set(`${name}.conv2d.weight`, [to, from, 3, 3]);
    tensors.set(`${name}.conv2d.bias`, [to]);
  };
  const normed = (name: string, to: number, from: number) => {
    tensors.set(`${name}.conv2d.weight`, [to, from, 3, 3]);
    for (const part of ['weight', 'bias', 'running_mean', 'running_var'])
      tensors.set(`${name}.norm.norm.${part}`, [to]);
  };
  const res = (name: string, from: number, to: number, scaled: boolean) => {
    if (scaled) plain(`${name}.shortcut_func`, to, from);
    normed(`${name}.conv1`, to, from);
    normed(`${name}.conv2`, to, to);
  };
  plain('encoder.0', BASE_CHANNELS, 3);
  for (const [i, [from, to]] of ENCODER.entries()) res(`encoder.${i + 1}`, from, to, true);
  for (let i = 0; i < BODY.blocks; i++) res(`body.${i}`, BODY.channels, BODY.channels, false);
  for (const [i, [from, to]] of DECODER.entries()) res(`decoder.${i}`, from, to, true);
  plain('out_img_conv', 3, BASE_CHANNELS);
  plain('out_mask_conv', CLASSES, BASE_CHANNELS);
  return tensors;
}
