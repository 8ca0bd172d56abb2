// What a shader declares of its surroundings, read from its code, so that it is written once.

/** A scalar of `struct Plan`. */
export interface PlanField {
  readonly name: string;
  readonly type: 'u32' | 'i32' | 'f32';
}

export interface ShaderInterface {
  /** Access to the storage buffers of group 0, by binding number. */
  readonly bindings: readonly ('read' | 'write')[];
  /** Fields of the plan, each of four bytes; none where the shader has no plan. */
  readonly plan: readonly PlanField[];
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
  const struct = /\bstruct Plan *\{([^}]*)\}/.exec(plain)?.[1] ?? '';
  const plan = [...struct.matchAll(FIELD)].map(([, name, type]) => ({ name, type }) as PlanField);
  return { bindings, plan };
}
