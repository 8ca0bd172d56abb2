// The worker behind the client: has the restorer and does what the client asks for.

import { CodeFormerError } from '../errors.js';
import type { EncodedFace, Restorer } from '../pipeline/restorer.js';
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
const kept = new Map<number, EncodedFace>();
const running = new Map<number, AbortController>();

const face = (handle: number): EncodedFace => {
  const found = kept.get(handle);
  if (!found) throw new CodeFormerError('DESTROYED', 'A face was used after destroy()');
  return found;
};

/** What each call does, and whether what it returns may be transferred: the worker does not need it afterwards. */
const calls: {
  readonly [M in keyof Calls]: (
    ...args: Parameters<Calls[M]>
  ) => Promise<{ value: ReturnType<Calls[M]>; ours: boolean }>;
} = {
  async create(options) {
    restorer = await createRestorer(options);
    return { value: null, ours: false };
  },
  detect: async (photo, options) => ({ value: await restorer.detect(photo as PhotoInput, options), ours: false }),
  restore: async (photo, options) => ({ value: await restorer.restore(photo as PhotoInput, options), ours: true }),
  async sweep(photo, options) {
    // The library checks what it gets.
    const sweep = options as { fidelity: readonly number[] };
    return { value: await restorer.sweep(photo as PhotoInput, sweep), ours: true };
  },
  async encode(crop, options) {
    const encoded = await restorer.encode(crop as PhotoInput, options);
    const { size, indices, margin, warnings } = encoded;
    const handle = nextHandle++;
    kept.set(handle, encoded);
    return { value: { handle, size, indices, margin, warnings }, ours: false };
  },
  decode: async (handle, options) => ({ value: await face(handle).decode(options), ours: true }),
  logits: async handle => ({ value: await face(handle).logits(), ours: true }),
};

let nextHandle = 1;

scope.addEventListener('message', ({ data }) => {
  if (data.type === 'call') answer(data);
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
    const call = calls[method] as (...args: unknown[]) => Promise<{ value: unknown; ours: boolean }>;
    const { value, ours } = await call(...others.toReversed(), filled);
    scope.postMessage({ type: 'value', id, value, info: restorer.info }, ours ? transferables(value) : []);
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
