// What a shader declares of its surroundings, read from its code, so that it is written once.

/** A scalar of `struct Uniforms`. */
export interface UniformField {
  readonly name: string;
  readonly type: 'u32' | 'i32' | 'f32';
}

export interface ShaderInterface {
  /** Access to the storage buffers of group 0, by binding number. */
  readonly bindings: readonly ('read' | 'write')[];
  /** Fields of the uniforms, each of four bytes; empty where the shader has none. */
  readonly uniforms: readonly UniformField[];
}

const STORAGE = /@group\(0\) *@binding\((\d+)\) *var<storage, *(read|read_write)>/g;
const FIELD = /(\w+) *: *(u32|i32|f32)\b/g;

/** @param code WGSL, with or without comments */
export function shaderInterface(code: string): ShaderInterface {
  const plain = code.replace(/\/\/.*$/gm, '');
  const bindings: ('read' | 'write')[] = [];
  for (const [, number, access] of plain.matchAll(STORAGE)) {
    bindings[Number(number)] = access === 'read' ? 'read' : 'write';
  }
  const struct = /\bstruct Uniforms *\{([^}]*)\}/.exec(plain)?.[1] ?? '';
  const uniforms = [...struct.matchAll(FIELD)].map(([, name, type]) => ({ name, type }) as UniformField);
  return { bindings, uniforms };
}
