// Compiled pipelines by source and constants; a compile that is under way is shared by all who ask.

import { CodeFormerError } from '../errors.js';
import type { Precision, Shader } from '../kernels/kernel.js';
import prelude from '../kernels/prelude.wgsl';

const ALIASES: Record<Precision, string> = {
  f32: 'alias Store = f32; alias Store4 = vec4<f32>;',
  f16: 'enable f16; alias Store = f16; alias Store4 = vec4<f16>;',
};

export class PipelineCache {
  private readonly pipelines = new Map<string, Promise<GPUComputePipeline>>();
  private readonly modules = new Map<string, GPUShaderModule>();
  private readonly layouts = new Map<string, { group: GPUBindGroupLayout; pipeline: GPUPipelineLayout }>();

  constructor(
    private readonly device: GPUDevice,
    private readonly precision: Precision,
  ) {}

  /** Rejects with `GPU_ERROR` that names the shader, the line and its source when it does not compile. */
  get(shader: Shader): Promise<GPUComputePipeline> {
    const key = `${shader.bindings.join()}|${JSON.stringify(shader.constants ?? {})}|${shader.code}`;
    let pipeline = this.pipelines.get(key);
    if (!pipeline) {
      pipeline = this.compile(shader);
      this.pipelines.set(key, pipeline);
      pipeline.catch(() => this.pipelines.delete(key));
    }
    return pipeline;
  }

  /** Layouts are explicit: those of `layout: 'auto'` are never shared, and pipelines behind them compile again. */
  bindGroupLayout(bindings: Shader['bindings']): GPUBindGroupLayout {
    return this.layout(bindings).group;
  }

  private layout(bindings: Shader['bindings']) {
    const key = bindings.join();
    let layout = this.layouts.get(key);
    if (!layout) {
      const group = this.device.createBindGroupLayout({
        label: key,
        entries: bindings.map((access, binding) => ({
          binding,
          visibility: GPUShaderStage.COMPUTE,
          buffer: { type: access === 'read' ? 'read-only-storage' : 'storage' } as const,
        })),
      });
      layout = { group, pipeline: this.device.createPipelineLayout({ label: key, bindGroupLayouts: [group] }) };
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
        layout: this.layout(shader.bindings).pipeline,
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
