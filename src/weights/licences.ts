// Licences of the released files that the library can run, by their official names.

const S_LAB = 'S-Lab License 1.0: non-commercial use and redistribution only';
// The facexlib copies have the clearer chain of licences.
const RETINAFACE = 'MIT (facexlib, Pytorch_Retinaface); trained on WIDER FACE, which has its own terms';

export const OFFICIAL_LICENCES = {
  'codeformer.pth': S_LAB,
  'codeformer_colorization.pth': S_LAB,
  'codeformer_inpainting.pth': S_LAB,
  'detection_Resnet50_Final.pth': RETINAFACE,
  'detection_mobilenet0.25_Final.pth': RETINAFACE,
  'parsing_parsenet.pth': 'No statement of its own; modified from PSFRGAN, CC BY-NC-SA 4.0: treat as non-commercial',
  'RealESRGAN_x2plus.pth': 'BSD-3-Clause (Real-ESRGAN)',
} as const;
