// The regions that a parser tells apart, and which of them belong to a face that is pasted back.

/** By label. */
export const FACE_REGIONS = [
  'background',
  'skin',
  'nose',
  'eyeglasses',
  'leftEye',
  'rightEye',
  'leftBrow',
  'rightBrow',
  'leftEar',
  'rightEar',
  'mouth',
  'upperLip',
  'lowerLip',
  'hair',
  'hat',
  'earring',
  'necklace',
  'neck',
  'cloth',
] as const;

/** A region of a face, by its name. */
export type FaceRegion = (typeof FACE_REGIONS)[number];

const LEFT_OUT: readonly FaceRegion[] = ['background', 'hat', 'necklace', 'neck', 'cloth'];

/** Those of the reference. */
export const DEFAULT_REGIONS: readonly FaceRegion[] = FACE_REGIONS.filter(region => !LEFT_OUT.includes(region));

/** The share of each label in a mask. */
export function regionValues(regions: readonly FaceRegion[]): Float32Array {
  return Float32Array.from(FACE_REGIONS, region => (regions.includes(region) ? 1 : 0));
}
