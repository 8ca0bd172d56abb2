// What callers keep of a photo or a face, to make one picture after another of it: prepared photos, encoded faces.

import { CodeFormerError } from '../errors.js';
import type { Executor } from '../executor.js';
import type { DecodeOptions, Encoded } from '../models/codeformer/codeformer.js';
import type { DevicePicture } from '../pixels/device-picture.js';
import type { Calls } from './calls.js';
import type { Loaded } from './networks.js';
import { checkDecodeOptions, checkRenderOptions } from './options.js';
import { checkTarget, deliver, type Opened, restoreResult, storePicture } from './photo-io.js';
import type { Platform } from './platform.js';
import type { DecodeFaceOptions, DeviceEncodedFace, PreparedPhoto } from './restorer-types.js';
import type { PhotoSession } from './session.js';
import { callContext, drawnCodes } from './stages.js';
import type { PreparedFace, RenderOptions, RestoreOptions, RestoreResult } from './types.js';

const nothing = async (): Promise<void> => {};

/** What a prepared photo goes on with. */
interface Prepared {
  /** On what the session is; both are replaced where the device was lost. */
  home: Loaded;
  session: PhotoSession;
  readonly platform: Platform;
  readonly opened: Opened;
  /** What `render` takes where it is not told otherwise. */
  readonly defaults: RestoreOptions;
  readonly faces: readonly PreparedFace[];
}

/** @param size side of crops */
export function preparedPhoto<Image>(calls: Calls, size: number, prepared: Prepared): PreparedPhoto<Image> {
  const { platform, opened, defaults, faces } = prepared;
  const { width, height } = opened.picture;
  let alive = true;
  const destroy = () => {
    if (alive) prepared.session.destroy();
    alive = false;
  };
  const render = async (options: RenderOptions = {}): Promise<RestoreResult<unknown>> => {
    const known = faces.map(({ id }) => id);
    const { ids, ...checked } = checkRenderOptions(defaults, options, size, known);
    return calls.run(checked, async report => {
      const settings = calls.guarded(checked, report);
      const done = await calls.exclusive(
        report,
        nothing,
        async loaded => {
          if (!alive) throw new CodeFormerError('DESTROYED', 'A prepared photo was used after destroy()');
          if (loaded !== prepared.home) {
            prepared.session.destroy();
            prepared.session = await prepared.session.rebindTo(loaded.device);
            prepared.home = loaded;
          }
          return [await prepared.session.render(callContext(loaded, settings, report, size), ids)];
        },
        made => deliver(platform, opened, settings, made, report),
      );
      return restoreResult(done, settings, report);
    });
  };
  return {
    width,
    height,
    faces,
    warnings: [...opened.warnings, ...prepared.session.warnings],
    render: render as PreparedPhoto<Image>['render'],
    destroy,
    [Symbol.dispose]: destroy,
  };
}

/**
 * @param size side of crops
 * @param home on what the face is; it is lost with its device
 */
export function encodedFace(
  calls: Calls,
  size: number,
  home: Loaded,
  encoded: Encoded,
  warnings: readonly string[],
): DeviceEncodedFace {
  const destroy = () => encoded.destroy();
  const checkHome = (loaded: Loaded) => {
    if (loaded === home) return;
    throw new CodeFormerError('DEVICE_LOST', 'The device that the face was encoded on was lost: encode it again');
  };
  /** Makes the picture and does `work` with it. */
  const decoded = async <T>(
    options: DecodeFaceOptions,
    check: (device: Executor) => void,
    work: (picture: DevicePicture) => Promise<T>,
  ): Promise<T> => {
    const { fidelity, adain, indices, onProgress, ...sampling } = checkDecodeOptions(options, size);
    return calls.run({ signal: options.signal }, report =>
      calls.exclusive(report, nothing, async loaded => {
        checkHome(loaded);
        check(loaded.device);
        const { signal } = report;
        const net = loaded.networks.restorer!;
        const drawn = indices ?? (await drawnCodes(net, encoded, sampling, 0));
        const chosen: DecodeOptions = drawn ? { indices: drawn } : {};
        const picture = await net.decodeOnDevice(encoded, { fidelity, adain, signal, onProgress, ...chosen });
        return work(picture).finally(() => picture.destroy());
      }),
    );
  };
  return {
    size,
    indices: encoded.indices,
    margin: encoded.margin,
    warnings,
    decode: (options = {}) =>
      decoded(
        options,
        () => {},
        picture => picture.read(),
      ),
    decodeInto: (target, options = {}) =>
      decoded(
        options,
        device => checkTarget(device, target, { width: size, height: size }),
        picture => storePicture(picture, target),
      ),
    logits: () =>
      calls.run({}, report =>
        calls.exclusive(report, nothing, async loaded => {
          checkHome(loaded);
          return encoded.logits();
        }),
      ),
    destroy,
    [Symbol.dispose]: destroy,
  };
}
