// The released files that the library can run, none of which it ships.

import { OFFICIAL_LICENCES } from './licences.js';
import type { Role } from './manifest.js';

export interface OfficialFile {
  /** The official file name, which is also its name in the cache and in a `--weights-dir`. */
  readonly file: string;
  readonly role: Role;
  /** Its name among the networks of the library. */
  readonly network: string;
  /** What it is for. */
  readonly purpose: string;
  readonly url: string;
  /** Bytes and SHA-256 (lower-case hexadecimal), where known; the authors publish neither. */
  readonly bytes?: number;
  readonly sha256?: string;
  readonly licence: string;
}

const CODEFORMER = 'https://github.com/sczhou/CodeFormer/releases/download/v0.1.0';
// The checksums of the detectors are those of the facexlib copies.
const FACEXLIB = 'https://github.com/xinntao/facexlib/releases/download/v0.1.0';

const files = [
  {
    file: 'codeformer.pth',
    role: 'restorer',
    network: 'codeformer',
    purpose: 'face restoration',
    url: `${CODEFORMER}/codeformer.pth`,
    bytes: 376_637_898,
    sha256: '1009e537e0c2a07d4cabce6355f53cb66767cd4b4297ec7a4a64ca4b8a5684b7',
  },
  {
    file: 'codeformer_colorization.pth',
    role: 'restorer',
    network: 'codeformer',
    purpose: 'colour for grey face crops',
    url: `${CODEFORMER}/codeformer_colorization.pth`,
  },
  {
    file: 'codeformer_inpainting.pth',
    role: 'restorer',
    network: 'codeformer',
    purpose: 'filling white areas of face crops',
    url: `${CODEFORMER}/codeformer_inpainting.pth`,
  },
  {
    file: 'detection_Resnet50_Final.pth',
    role: 'detector',
    network: 'retinaface-resnet50',
    purpose: 'face detection, the default of the reference',
    url: `${FACEXLIB}/detection_Resnet50_Final.pth`,
    bytes: 109_497_761,
    sha256: '6d1de9c2944f2ccddca5f5e010ea5ae64a39845a86311af6fdf30841b0a5a16d',
  },
  {
    file: 'detection_mobilenet0.25_Final.pth',
    role: 'detector',
    network: 'retinaface-mobile',
    purpose: 'face detection, small and fast',
    url: `${FACEXLIB}/detection_mobilenet0.25_Final.pth`,
    bytes: 1_789_735,
    sha256: '2979b33ffafda5d74b6948cd7a5b9a7a62f62b949cef24e95fd15d2883a65220',
  },
  {
    file: 'parsing_parsenet.pth',
    role: 'parser',
    network: 'parsenet',
    purpose: 'regions of a face, for the mask that is pasted back',
    url: `${CODEFORMER}/parsing_parsenet.pth`,
    bytes: 85_331_193,
    sha256: '3d558d8d0e42c20224f13cf5a29c79eba2d59913419f945545d8cf7b72920de2',
  },
  {
    file: 'RealESRGAN_x2plus.pth',
    role: 'upscaler',
    network: 'rrdbnet',
    purpose: 'upscaling by 2 of backgrounds and restored faces',
    url: `${CODEFORMER}/RealESRGAN_x2plus.pth`,
    bytes: 67_061_725,
    sha256: '49fafd45f8fd7aa8d31ab2a22d14d91b536c34494a5cfe31eb5d89c2fa266abb',
  },
] as const satisfies readonly Omit<OfficialFile, 'licence'>[];

/** The default of each role comes first. */
export const OFFICIAL_FILES: readonly OfficialFile[] = files.map(entry => ({
  ...entry,
  licence: OFFICIAL_LICENCES[entry.file],
}));

/** The released file of a name, which may lack its ending; undefined for none. */
export function officialFile(name: string): OfficialFile | undefined {
  const wanted = name.toLowerCase().replace(/\.pth$/, '');
  return OFFICIAL_FILES.find(({ file }) => file.toLowerCase().replace(/\.pth$/, '') === wanted);
}
