// Compiled pipelines by source and constants; a compile that is under way is shared by all who ask.

import { CodeFormerError } from '../errors.js';
import type { Precision } from '../kernels/kernel.js';
import prelude from '../kernels/prelude.wgsl';
import type { Shader } from '../kernels/webgpu.js';
import { ShaderStage } from './flags.js';
import { type ShaderInterface, shaderInterface } from './interface.js';

const ALIASES: Record<Precision, string> = {
  f32: 'alias Store = f32; alias Store4 = vec4<f32>;',
  f16: 'enable f16; alias Store = f16; alias Store4 = vec4<f16>;',
};

/** Pipelines, modules and layouts of one device. */
export class PipelineCache {
  private readonly pipelines = new Map<string, Promise<GPUComputePipeline>>();
  private readonly modules = new Map<string, GPUShaderModule>();
  private readonly interfaces = new Map<string, ShaderInterface>();
  private readonly groups = new Map<string, GPUBindGroupLayout>();
  private readonly layouts = new Map<string, GPUPipelineLayout>();
  /** Layout of the bind group that uniforms are in. */
  readonly uniformLayout: GPUBindGroupLayout;

  constructor(
    private readonly device: GPUDevice,
    private readonly precision: Precision,
  ) {
    this.uniformLayout = device.createBindGroupLayout({
      label: 'uniforms',
      entries: [{ binding: 0, visibility: ShaderStage.COMPUTE, buffer: { type: 'uniform', hasDynamicOffset: true } }],
    });
  }

  /**
   * The pipeline of a shader.
   * @throws `GPU_ERROR` that names the shader, the line and its source when it does not compile
   */
  get(shader: Shader): Promise<GPUComputePipeline> {
    const key = `${JSON.stringify(shader.constants ?? {})}|${shader.code}`;
    let pipeline = this.pipelines.get(key);
    if (!pipeline) {
      pipeline = this.compile(shader);
      this.pipelines.set(key, pipeline);
      pipeline.catch(() => this.pipelines.delete(key));
    }
    return pipeline;
  }

  /** What a shader declares. */
  interface({ code }: Shader): ShaderInterface {
    let found = this.interfaces.get(code);
    if (!found) {
      found = shaderInterface(code);
      this.interfaces.set(code, found);
    }
    return found;
  }

  /** Layouts are explicit: those of `layout: 'auto'` are never shared, and pipelines behind them compile again. */
  bindGroupLayout(shader: Shader): GPUBindGroupLayout {
    const { bindings } = this.interface(shader);
    const key = bindings.join();
    let group = this.groups.get(key);
    if (!group) {
      group = this.device.createBindGroupLayout({
        label: key,
        entries: bindings.map((access, binding) => ({
          binding,
          visibility: ShaderStage.COMPUTE,
          buffer: { type: access === 'read' ? 'read-only-storage' : 'storage' } as const,
        })),
      });
      this.groups.set(key, group);
    }
    return group;
  }

  private layout(shader: Shader): GPUPipelineLayout {
    const { bindings, uniforms } = this.interface(shader);
    const key = `${bindings.join()}${uniforms.length > 0 ? ' and uniforms' : ''}`;
    let layout = this.layouts.get(key);
    if (!layout) {
      const groups = [this.bindGroupLayout(shader), ...(uniforms.length > 0 ? [this.uniformLayout] : [])];
      layout = this.device.createPipelineLayout({ label: key, bindGroupLayouts: groups });
      this.layouts.set(key, layout);
    }
    return layout;
  }

  private async compile(shader: Shader): Promise<GPUComputePipeline> {
    const directives = (shader.features ?? []).map(feature => `enable ${feature};\n`).join('');
    const code = `${directives}${ALIASES[this.precision]}\n${prelude}\n${shader.code}`;
    let module = this.modules.get(code);
    if (!module) {
      module = this.device.createShaderModule({ label: shader.name, code });
      this.modules.set(code, module);
    }
    try {
      return await this.device.createComputePipelineAsync({
        label: shader.name,
        layout: this.layout(shader),
        compute: { module, entryPoint: 'main', ...(shader.constants && { constants: { ...shader.constants } }) },
      });
    } catch (cause) {
      const info = await module.getCompilationInfo();
      const lines = code.split('\n');
      const messages = info.messages
        .filter(m => m.type === 'error')
        .map(m => `line ${m.lineNum}:${m.linePos}: ${m.message}\n  ${lines[m.lineNum - 1]?.trim() ?? ''}`);
      const detail = messages.length > 0 ? messages.join('\n') : (cause as Error).message;
      throw new CodeFormerError('GPU_ERROR', `The shader ${shader.name} does not compile: ${detail}`, { cause });
    }
  }
}
