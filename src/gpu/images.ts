// Pictures of the caller's own on a WebGPU device: textures, buffers, canvases and frames of video, read and written without passing through
// memory.

import { CodeFormerError, invalidArgument } from '../errors.js';
import type { DeviceBuffer, DeviceImages } from '../executor.js';
import type { Size } from '../image/geometry.js';
import { ceilDiv } from '../kernels/kernel.js';
import { type Context, gpuBuffer } from './context.js';
import { BufferUsage, TextureUsage } from './flags.js';
import { shaders } from './program.js';

/** RGBA, a word for each pixel, rows from top to bottom without gaps. */
interface BufferImage extends Size {
  readonly buffer: GPUBuffer;
}

type Canvas = HTMLCanvasElement | OffscreenCanvas;

/** Formats whose values are colours from 0 to 1. */
const FORMATS = ['rgba8unorm', 'rgba8unorm-srgb', 'bgra8unorm', 'bgra8unorm-srgb', 'rgba16float'];

/** Pixels that a workgroup reads along each axis. */
const SIDE = 8;

// By what they can do: every copy of Dawn has classes of its own, and there need be no globals of that name.
const isTexture = (value: unknown): value is GPUTexture =>
  typeof (value as GPUTexture | null)?.createView === 'function';

const isBuffer = (value: unknown): value is BufferImage =>
  typeof (value as BufferImage | null)?.buffer?.mapAsync === 'function';

const isFrame = (value: unknown): value is VideoFrame =>
  typeof VideoFrame !== 'undefined' && value instanceof VideoFrame;

const isCanvas = (value: unknown): value is Canvas => typeof (value as Canvas | null)?.getContext === 'function';

/** Null for canvases that are drawn on otherwise. */
function contextOf(canvas: Canvas): GPUCanvasContext | null {
  try {
    return canvas.getContext('webgpu') as GPUCanvasContext | null;
  } catch {
    // It was handed on to a worker.
    return null;
  }
}

function formatOf(context: GPUCanvasContext, canvas: Canvas): GPUTextureFormat {
  try {
    return (context.getConfiguration?.() ?? context.getCurrentTexture()).format;
  } catch {
    // It was not, or is not any more.
    throw invalidArgument('a canvas with a WebGPU context that is configured', 'target', canvas);
  }
}

const bytesOf = ({ width, height }: Size): number => 4 * width * height;

const sizeText = ({ width, height }: Size): string => `${width}x${height}`;

/** The pictures of a device. */
export class GpuImages implements DeviceImages {
  private readonly pipelines = new Map<string, Promise<GPUComputePipeline | GPURenderPipeline>>();

  constructor(private readonly device: Context) {}

  sizeOf(image: unknown): Size | null {
    if (isTexture(image)) {
      checkTexture(image, 'photo', TextureUsage.TEXTURE_BINDING, 'TEXTURE_BINDING');
      return { width: image.width, height: image.height };
    }
    if (isBuffer(image)) {
      checkBuffer(image, 'photo', BufferUsage.COPY_SRC, 'COPY_SRC');
      return { width: image.width, height: image.height };
    }
    if (isFrame(image)) {
      if (!this.device.gpu.importExternalTexture) return null;
      const { displayWidth: width, displayHeight: height } = image;
      if (width === 0) throw new CodeFormerError('INVALID_IMAGE', 'photo: the frame of video is closed');
      return { width, height };
    }
    if (!isCanvas(image) || !contextOf(image)) return null;
    const { width, height } = image;
    if (width * height === 0) throw new CodeFormerError('INVALID_IMAGE', 'photo: the canvas has no pixels');
    return { width, height };
  }

  async load(image: unknown, size: Size, buffer: DeviceBuffer): Promise<void> {
    const pixels = gpuBuffer(buffer);
    if (isBuffer(image)) {
      return this.submit('a picture in a buffer', encoder =>
        encoder.copyBufferToBuffer(image.buffer, 0, pixels, 0, bytesOf(size)),
      );
    }
    const { gpu } = this.device;
    const pipeline = await this.reader(
      isFrame(image) ? 'fromFrame' : 'fromTexture',
      isTexture(image) ? image.format : '',
    );
    const read = (encoder: GPUCommandEncoder, picture: GPUBindingResource) => {
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, this.bindings(pipeline, [picture, { buffer: pixels }]));
      pass.dispatchWorkgroups(ceilDiv(size.width, SIDE), ceilDiv(size.height, SIDE));
      pass.end();
    };
    if (isTexture(image)) {
      await this.submit('a picture in a texture', encoder => read(encoder, viewOf(image)));
    } else if (isFrame(image)) {
      // Imported and used at once: it expires.
      await this.submit('a frame of video', encoder =>
        read(encoder, gpu.importExternalTexture({ source: image, colorSpace: 'srgb' })),
      );
    } else {
      // The texture of a canvas need not be one to read from, and expires as well.
      const { COPY_DST, RENDER_ATTACHMENT, TEXTURE_BINDING } = TextureUsage;
      const usage = COPY_DST | RENDER_ATTACHMENT | TEXTURE_BINDING;
      const label = 'a picture on a canvas';
      let copy: GPUTexture | undefined;
      try {
        await this.submit(label, encoder => {
          copy = gpu.createTexture({ label, size: { ...size }, format: 'rgba8unorm', usage });
          gpu.queue.copyExternalImageToTexture({ source: image as Canvas }, { texture: copy }, { ...size });
          read(encoder, viewOf(copy));
        });
      } finally {
        copy?.destroy();
      }
    }
  }

  checkTarget(target: unknown, size: Size): void {
    if (isCanvas(target)) {
      const context = contextOf(target);
      // Not all browsers tell of the configuration.
      if (!context || context.getConfiguration?.() === null)
        throw invalidArgument('a canvas with a WebGPU context that is configured', 'target', target);
      return;
    }
    if (isTexture(target)) checkTexture(target, 'target', TextureUsage.RENDER_ATTACHMENT, 'RENDER_ATTACHMENT');
    else if (isBuffer(target)) checkBuffer(target, 'target', BufferUsage.COPY_DST, 'COPY_DST');
    else
      throw invalidArgument('a GPUTexture, { buffer, width, height } with a GPUBuffer, or a canvas', 'target', target);
    if (target.width !== size.width || target.height !== size.height)
      throw invalidArgument(`the size of the result, ${sizeText(size)},`, 'target', sizeText(target));
  }

  async store(buffer: DeviceBuffer, size: Size, target: unknown): Promise<void> {
    const pixels = gpuBuffer(buffer);
    if (isBuffer(target)) {
      return this.submit('a result in a buffer', encoder =>
        encoder.copyBufferToBuffer(pixels, 0, target.buffer, 0, bytesOf(size)),
      );
    }
    if (isTexture(target)) {
      const pipeline = await this.painter(target.format, false);
      return this.submit('a result in a texture', encoder => this.paint(encoder, pipeline, pixels, size, target));
    }
    const canvas = target as Canvas;
    const context = contextOf(canvas)!;
    // To set them, even to what they are, clears the canvas.
    if (canvas.width !== size.width) canvas.width = size.width;
    if (canvas.height !== size.height) canvas.height = size.height;
    const pipeline = await this.painter(formatOf(context, canvas), true);
    return this.submit('a result on a canvas', encoder =>
      this.paint(encoder, pipeline, pixels, size, context.getCurrentTexture()),
    );
  }

  private paint(
    encoder: GPUCommandEncoder,
    pipeline: GPURenderPipeline,
    buffer: GPUBuffer,
    { width }: Size,
    texture: GPUTexture,
  ): void {
    const pass = encoder.beginRenderPass({
      colorAttachments: [{ view: viewOf(texture), loadOp: 'clear', storeOp: 'store' }],
    });
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, this.bindings(pipeline, [{ buffer }]));
    pass.draw(3, 1, 0, width);
    pass.end();
  }

  private bindings(pipeline: GPUPipelineBase, resources: readonly GPUBindingResource[]): GPUBindGroup {
    const entries = resources.map((resource, binding) => ({ binding, resource }));
    return this.device.gpu.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  }

  private async reader(name: 'fromFrame' | 'fromTexture', format: string): Promise<GPUComputePipeline> {
    const { [name]: code } = await shaders();
    const constants = name === 'fromTexture' ? { LINEAR: isLinear(format) } : {};
    return this.compiled(`${name} ${constants.LINEAR}`, () => {
      const module = this.device.gpu.createShaderModule({ label: 'from-texture', code });
      const compute = { module, constants };
      return this.device.gpu.createComputePipelineAsync({ label: 'from-texture', layout: 'auto', compute });
    });
  }

  private async painter(format: GPUTextureFormat, isCanvas: boolean): Promise<GPURenderPipeline> {
    const { toTexture } = await shaders();
    return this.compiled(`${format} ${isCanvas}`, () => {
      const label = `to-texture/${format}`;
      const module = this.device.gpu.createShaderModule({ label, code: toTexture });
      const constants = { LINEAR: isLinear(format), PREMULTIPLIED: isCanvas ? 1 : 0 };
      return this.device.gpu.createRenderPipelineAsync({
        label,
        layout: 'auto',
        vertex: { module },
        fragment: { module, constants, targets: [{ format }] },
      });
    });
  }

  /** A pipeline, compiled once. */
  private async compiled<P extends GPUComputePipeline | GPURenderPipeline>(
    key: string,
    compile: () => Promise<P>,
  ): Promise<P> {
    this.device.check();
    const pipeline = this.pipelines.get(key) ?? compile();
    this.pipelines.set(key, pipeline);
    try {
      return (await pipeline) as P;
    } catch (cause) {
      this.pipelines.delete(key);
      this.device.check();
      const { message } = cause as Error;
      throw new CodeFormerError('GPU_ERROR', `WebGPU refused to read or paint a picture: ${message}`, { cause });
    }
  }

  /** Submits commands that are recorded at once. */
  private submit(label: string, record: (encoder: GPUCommandEncoder) => void): Promise<void> {
    return this.device.checked(label, () => {
      const encoder = this.device.gpu.createCommandEncoder({ label });
      record(encoder);
      this.device.gpu.queue.submit([encoder.finish()]);
    });
  }
}

const isLinear = (format: string): number => (format.endsWith('-srgb') ? 1 : 0);

const viewOf = (texture: GPUTexture): GPUTextureView => texture.createView({ dimension: '2d', mipLevelCount: 1 });

function checkTexture(texture: GPUTexture, name: string, usage: number, usageName: string): void {
  const { dimension, sampleCount, depthOrArrayLayers, format } = texture;
  if (dimension !== '2d' || sampleCount !== 1 || depthOrArrayLayers !== 1)
    throw invalidArgument('a texture with two dimensions, one layer and one sample', name, texture);
  if (!FORMATS.includes(format)) throw invalidArgument(`a texture of ${FORMATS.join(', ')}`, name, format);
  if (!(texture.usage & usage)) throw invalidArgument(`a texture with the usage ${usageName}`, name, texture);
}

function checkBuffer(image: BufferImage, name: string, usage: number, usageName: string): void {
  const other = Object.entries(image).find(
    ([key, value]) => !['buffer', 'width', 'height'].includes(key) && value !== undefined,
  );
  if (other)
    throw invalidArgument('nothing, as rows begin with the buffer and have no gaps,', `${name}.${other[0]}`, other[1]);
  for (const side of ['width', 'height'] as const) {
    if (!(Number.isSafeInteger(image[side]) && image[side] >= 1))
      throw invalidArgument('a whole number of at least 1', `${name}.${side}`, image[side]);
  }
  const { buffer } = image;
  if (buffer.size < bytesOf(image))
    throw invalidArgument(`a buffer of at least ${bytesOf(image)} bytes for ${sizeText(image)}`, name, buffer.size);
  if (!(buffer.usage & usage)) throw invalidArgument(`a buffer with the usage ${usageName}`, name, buffer);
}
