// The worker behind the client: has the restorer and does what the client asks for.

import { CodeFormerError } from '../errors.js';
import type { Restorer } from '../pipeline/restorer.js';
import type { EncodedFace, PreparedPhoto } from '../pipeline/restorer-types.js';
import type { PhotoInput } from '../pipeline/types.js';
import { type Calls, errorData, type ToClient, type ToWorker } from './protocol.js';
import { createRestorer } from './restorer.js';

/** The part of a worker's global object that is used here; the types of pages have none. */
interface WorkerScope {
  postMessage(message: ToClient, transfer: Transferable[]): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<ToWorker>) => void): void;
}

const scope = globalThis as unknown as WorkerScope;

let restorer: Restorer;
/** What calls of the page refer to by its number. */
const kept = new Map<number, EncodedFace | PreparedPhoto<unknown>>();
let lastHandle = 0;
const running = new Map<number, AbortController>();

function keep(object: EncodedFace | PreparedPhoto<unknown>): number {
  kept.set(++lastHandle, object);
  return lastHandle;
}

function held<T>(handle: number): T {
  const found = kept.get(handle);
  if (!found) throw new CodeFormerError('DESTROYED', 'A face or prepared photo was used after destroy()');
  return found as T;
}

/** What each call does. Its value is transferred, so of what the worker goes on using it is a copy. */
const calls: { readonly [M in keyof Calls]: (...args: Parameters<Calls[M]>) => Promise<ReturnType<Calls[M]>> } = {
  async create(options) {
    restorer = await createRestorer(options);
    return null;
  },
  detect: (photo, options) => restorer.detect(photo as PhotoInput, options),
  restore: (photo, options) => restorer.restore(photo as PhotoInput, options),
  // The library checks what it gets.
  sweep: (photo, options) => restorer.sweep(photo as PhotoInput, options as { fidelity: readonly number[] }),
  async encode(crop, options) {
    const face = await restorer.encode(crop as PhotoInput, options);
    const { size, indices, margin, warnings } = face;
    return { handle: keep(face), ...structuredClone({ size, indices, margin, warnings }) };
  },
  decode: (handle, options) => held<EncodedFace>(handle).decode(options),
  logits: handle => held<EncodedFace>(handle).logits(),
  selfTest: options => restorer.selfTest(options),
  tune: options => restorer.tune(options),
  async prepare(photo, options) {
    const prepared = await restorer.prepare(photo as PhotoInput, options);
    const { width, height, faces, warnings } = prepared;
    return { handle: keep(prepared), ...structuredClone({ width, height, faces, warnings }) };
  },
  async render(handle, options) {
    const { image, ...others } = await held<PreparedPhoto<unknown>>(handle).render(options);
    return { image: isFrame(image) ? image : structuredClone(image), ...structuredClone(others) };
  },
};

scope.addEventListener('message', ({ data }) => {
  if (data.type === 'hello') scope.postMessage({ type: 'ready' }, []);
  else if (data.type === 'call') answer(data);
  else if (data.type === 'abort') running.get(data.id)?.abort();
  else {
    kept.get(data.handle)?.destroy();
    kept.delete(data.handle);
  }
});

async function answer({ id, method, args, listeners }: Extract<ToWorker, { type: 'call' }>): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const hooks = listeners.map(listener => {
      return [listener, (value: unknown) => scope.postMessage({ type: 'event', id, listener, value }, [])] as const;
    });
    const [options, ...others] = args.toReversed();
    const filled = { ...(options as object), signal: controller.signal, ...Object.fromEntries(hooks) };
    const call = calls[method] as (...args: unknown[]) => Promise<unknown>;
    const value = await call(...others.toReversed(), filled);
    scope.postMessage({ type: 'value', id, value, info: restorer.info }, transferables(value));
  } catch (error) {
    scope.postMessage({ type: 'error', id, error: errorData(error) }, []);
  } finally {
    running.delete(id);
    for (const arg of args) if (isFrame(arg)) arg.close();
  }
}

const isFrame = (value: unknown): value is ImageBitmap | VideoFrame =>
  value instanceof ImageBitmap || (typeof VideoFrame !== 'undefined' && value instanceof VideoFrame);

/** All buffers and frames in a value. */
function transferables(value: unknown, found = new Set<Transferable>()): Transferable[] {
  if (ArrayBuffer.isView(value)) found.add(value.buffer as ArrayBuffer);
  else if (isFrame(value)) found.add(value);
  else if (typeof value === 'object' && value !== null)
    for (const part of Object.values(value)) transferables(part, found);
  return [...found];
}
