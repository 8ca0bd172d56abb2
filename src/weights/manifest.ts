// The manifest of embedded weights: which files ship with the package, for which network, under which licence.

import { CodeFormerError, describe } from '../errors.js';

/** What a network does in the pipeline. */
export const ROLES = ['restorer', 'detector', 'parser', 'upscaler'] as const;
export type Role = (typeof ROLES)[number];

/** The option of a restorer that chooses the network of each role. */
export const OPTION_OF = { restorer: 'weights', detector: 'detector', parser: 'parser', upscaler: 'upscaler' } as const;

export interface ManifestEntry {
  /** Name of the file in the folder of the manifest. */
  readonly file: string;
  readonly role: Role;
  /** Its name among the networks of the library. */
  readonly network: string;
  readonly bytes: number;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
  /** Geometry of the network, where it has more than one. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Licence in one sentence. */
  readonly licence: string;
  /** No activation was ever larger: half precision ends at 65,504. */
  readonly range?: number;
  /** What the self-test expects of it on the built-in picture. */
  readonly check?: object;
  /** Model card, for people: what each text is about, and the text. */
  readonly card?: Readonly<Record<string, string>>;
}

export interface Manifest {
  readonly version: 1;
  /** At most one file per role. */
  readonly files: readonly ManifestEntry[];
}

/** What a manifest adds to the metadata of a file. */
export function manifestMetadata({ licence, range, check }: ManifestEntry): Record<string, string> {
  return { licence, ...(range && { range: String(range) }), ...(check && { check: JSON.stringify(check) }) };
}

/**
 * Reads a manifest and checks it. Throws `INVALID_CHECKPOINT` with the name of the manifest and the fault.
 * @param text JSON
 * @param name how messages name it
 */
export function parseManifest(text: string, name: string): Manifest {
  const fail = (what: string, where: string, value: unknown): never => {
    throw new CodeFormerError(
      'INVALID_CHECKPOINT',
      `${name}: expected ${what} for ${where} but got ${describe(value)}`,
    );
  };
  let manifest: { version?: unknown; files?: unknown };
  try {
    manifest = JSON.parse(text);
  } catch (cause) {
    throw new CodeFormerError('INVALID_CHECKPOINT', `${name}: the manifest is not valid JSON`, { cause });
  }
  if (typeof manifest !== 'object' || manifest === null) fail('an object', 'the manifest', manifest);
  if (manifest.version !== 1) fail('1', 'version', manifest.version);
  const { files } = manifest;
  if (!Array.isArray(files)) return fail('a list', 'files', files);
  const roles = new Set<unknown>();
  for (const [i, entry] of files.entries()) {
    const where = (key: string) => `files[${i}].${key}`;
    if (typeof entry !== 'object' || entry === null) fail('an object', `files[${i}]`, entry);
    const { file, role, network, bytes, sha256, config, licence, range, check } = entry as Record<string, unknown>;
    if (typeof file !== 'string' || !/^[\w.-]+$/.test(file)) fail('a file name', where('file'), file);
    if (!ROLES.includes(role as Role)) fail(`one of ${ROLES.join(', ')}`, where('role'), role);
    if (roles.has(role)) fail('each role once', where('role'), role);
    roles.add(role);
    if (typeof network !== 'string' || network === '') fail('the name of a network', where('network'), network);
    if (!Number.isSafeInteger(bytes) || (bytes as number) < 1) fail('a size in bytes', where('bytes'), bytes);
    if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) fail('64 hex digits', where('sha256'), sha256);
    if (typeof licence !== 'string' || licence === '') fail('a sentence', where('licence'), licence);
    if (range !== undefined && !(typeof range === 'number' && range > 0))
      fail('a number above 0', where('range'), range);
    for (const [key, value] of Object.entries({ config, check }))
      if (value !== undefined && (typeof value !== 'object' || value === null)) fail('an object', where(key), value);
  }
  return manifest as Manifest;
}
