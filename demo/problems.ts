// What went wrong in words for people, with what they can do.

import { CodeFormerError, type ErrorCode } from '../src/web/client.js';
import { plainNumbers } from './dom.js';
import { ServerError, serverProblem } from './server/error.js';

/** What a button of a message does. */
export type Remedy = 'again' | 'cheaper' | 'open' | 'weights' | 'browser' | 'server';

export interface Problem {
  readonly code: ErrorCode | 'SERVER' | 'UNKNOWN';
  readonly title: string;
  readonly text: string;
  readonly remedies: readonly Remedy[];
}

type Words = Pick<Problem, 'title' | 'text' | 'remedies'>;

const KNOWN: Partial<Record<ErrorCode, (message: string) => Words>> = {
  INVALID_IMAGE: () => ({
    title: 'This file cannot be read as a photo',
    text: 'Photos in JPEG, PNG, WebP, AVIF and GIF work in every browser. The file may also be damaged.',
    remedies: ['open'],
  }),
  IMAGE_TOO_LARGE: message => ({
    title: 'The picture would be too large',
    text: `Up to 100 megapixels are possible, before and after.${sizeIn(message)}`,
    // A smaller result is of no use where the photo itself is meant.
    remedies: message.startsWith('photo: ') ? ['open'] : ['cheaper'],
  }),
  OUT_OF_MEMORY: () => ({
    title: 'There is not enough memory',
    text: 'Close other tabs and programs, or try again with a smaller result.',
    remedies: ['cheaper', 'again'],
  }),
  ADAPTER_LIMITS: message => ({
    title: 'The photo is too large for this device',
    text: `A smaller result may fit. ${message}`,
    remedies: ['cheaper'],
  }),
  DEVICE_LOST: () => ({
    title: 'The connection to the graphics card was lost',
    text: 'The driver was reset, or the card was needed elsewhere. Your photo is still here.',
    remedies: ['again', 'cheaper'],
  }),
  GPU_ERROR: message => ({
    title: 'The work was refused',
    text: `A newer browser or graphics driver may help. ${message}`,
    remedies: ['again'],
  }),
  WORKER_FAILED: message => ({
    title: 'The work broke off',
    text: `It begins anew with the next attempt. ${message}`,
    remedies: ['again', 'cheaper'],
  }),
  DOWNLOAD_FAILED: message => ({
    title: 'What draws the faces could not be downloaded',
    text: `Check the connection, then try again. ${message}`,
    remedies: ['again', 'weights'],
  }),
  INVALID_CHECKPOINT: message => ({
    title: 'This file holds no weights that can be read',
    text: message,
    remedies: ['weights'],
  }),
  WEIGHTS_MISMATCH: message => ({
    title: 'These weights belong to another network',
    text: message,
    remedies: ['weights'],
  }),
  INTEGRITY: message => ({
    title: 'The file of weights is not complete',
    text: message,
    remedies: ['weights'],
  }),
};

/** A size that a message names, in words. */
function sizeIn(message: string): string {
  const [, width, height] = /(\d+)x(\d+)/.exec(message) ?? [];
  if (!width || !height) return '';
  return ` This one has ${width} × ${height} pixels, which are ${Math.round((Number(width) * Number(height)) / 1e6)} megapixels.`;
}

/** Words for an error. */
export function problemOf(error: unknown): Problem {
  if (error instanceof CodeFormerError) {
    if (error.code === 'NO_ADAPTER') return noAdapter();
    const words = KNOWN[error.code]?.(error.message);
    if (words) return { code: error.code, ...words, text: plainNumbers(words.text) };
    return { code: error.code, title: 'That did not work', text: plainNumbers(error.message), remedies: ['again'] };
  }
  if (error instanceof ServerError) return serverProblem(error);
  const text = error instanceof Error ? error.message : String(error);
  return { code: 'UNKNOWN', title: 'That did not work', text, remedies: ['again'] };
}

/** Kinds of files that phones take photos in and that few browsers read. */
const OF_PHONES = /\.hei[cf]$/i;

/** Words for what is wrong with the file of a photo. */
export function problemOfPhoto(error: unknown, name: string): Problem {
  const problem = problemOf(error);
  if (problem.code !== 'INVALID_IMAGE') return problem;
  const text = OF_PHONES.test(name)
    ? 'Photos in HEIC, as iPhones take them, are read by Safari only. Save it as JPEG and choose that.'
    : 'Photos in JPEG, PNG, WebP, AVIF and GIF work in every browser; HEIC works in Safari only. The file may also be damaged.';
  return { ...problem, title: `“${name}” cannot be read as a photo`, text };
}

export const isAbort = (error: unknown): boolean => error instanceof CodeFormerError && error.code === 'ABORTED';

function noAdapter(): Problem {
  if (globalThis.isSecureContext === false) {
    return {
      code: 'NO_ADAPTER',
      title: 'This page needs a secure address',
      text: 'Browsers give what it works with only to pages from https or localhost. Open the page by such an address.',
      remedies: ['server'],
    };
  }
  return {
    code: 'NO_ADAPTER',
    title: 'This browser cannot restore photos',
    text: 'Pages reach the graphics card by WebGPU and the processor by WebAssembly with SIMD; one of them is enough, and this browser offers neither. Newer ones do, unless WebAssembly is turned off for this page.',
    remedies: ['again', 'server'],
  };
}

/** What to do for WebGPU, by browser. */
export const BROWSERS: readonly { readonly name: string; readonly agent: RegExp; readonly text: string }[] = [
  {
    name: 'Chrome, Edge, Brave, Opera',
    agent: /Chrome\//,
    text: 'Version 113 or newer on Windows, macOS and ChromeOS, 121 on Android. Turn on “Use graphics acceleration when available” in the system settings of the browser. On Linux, also turn on “Unsafe WebGPU Support” and “Vulkan” at chrome://flags.',
  },
  {
    name: 'Safari',
    agent: /Version\/[\d.]+ (Mobile\/\w+ )?Safari\//,
    text: 'Version 26 or newer on macOS, iOS and iPadOS. In version 18, turn on “WebGPU” in the feature flags of the developer settings.',
  },
  {
    name: 'Firefox',
    agent: /Firefox\//,
    text: 'Version 141 or newer on Windows, 145 on Macs with Apple silicon. Elsewhere take Firefox Nightly, or set dom.webgpu.enabled to true at about:config.',
  },
];
