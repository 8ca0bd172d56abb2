// Pictures that are measured with, made of the samples.

import sharp from 'sharp';

/** A photo of 12 megapixels with six faces, as JPEG. */
export async function group(): Promise<Buffer> {
  const face = await sharp('docs/samples/astronaut.png').resize(900).toBuffer();
  const places = [0, 1, 2, 3, 4, 5].map(i => ({ input: face, left: 200 + 1250 * (i % 3), top: i < 3 ? 200 : 1500 }));
  return sharp({ create: { width: 4000, height: 3000, channels: 3, background: 'grey' } })
    .composite(places)
    .jpeg()
    .toBuffer();
}
