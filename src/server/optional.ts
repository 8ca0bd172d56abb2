// Packages that only some servers need, and that are installed with those alone.

import { CodeFormerError } from '../errors.js';

/**
 * Loads a package.
 * @param what what needs it, as in `a storage on S3`
 * @throws `PACKAGE_MISSING` where it is not installed
 */
export async function optionalPackage<T>(name: string, what: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    // One that is there but lacks a package of its own, or is broken, says itself what is wrong.
    if (code !== 'ERR_MODULE_NOT_FOUND' || !message.includes(name)) throw cause;
    throw new CodeFormerError('PACKAGE_MISSING', `Expected the package ${name} for ${what}: npm install ${name}`, {
      cause,
    });
  }
}
