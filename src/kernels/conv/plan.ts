// A small struct in a scratch buffer that holds the geometry of a call and the number of its current strip. Shaders read it instead
// of having `override` constants, so that one compiled pipeline serves every shape: the unrolled tiles of the register kernels take
// a software adapter longer to compile than to run on a small picture.

import type { Dispatch, Operand, Shader } from '../kernel.js';

/** Names and types of the fields, in order. The first must be `strip`, which counts the strips that are done. */
export type PlanFields = Readonly<Record<string, 'u32' | 'f32'>>;

export class Plan<F extends PlanFields> {
  /** WGSL declaration of `struct Plan`. */
  readonly struct: string;

  constructor(
    private readonly name: string,
    private readonly fields: F,
  ) {
    const lines = Object.entries(fields).map(([field, type]) => `  ${field}: ${type},`);
    this.struct = `struct Plan {\n${lines.join('\n')}\n}\n`;
  }

  operand(): Operand {
    return { access: 'scratch', type: 'u32', elements: Object.keys(this.fields).length };
  }

  /** Writes the fields; `strip` starts at zero. */
  write(values: Readonly<Record<Exclude<keyof F, 'strip'>, number>>): Dispatch {
    const lines = Object.entries({ strip: 0, ...values }).map(
      ([field, value]) => `  plan.${field} = ${this.fields[field]}(${value});`,
    );
    return this.dispatch(`${this.name}/plan`, lines.join('\n'));
  }

  /** Goes on to the next strip. */
  advance(): Dispatch {
    return this.dispatch(`${this.name}/next-strip`, '  plan.strip += 1u;');
  }

  private dispatch(name: string, body: string): Dispatch {
    const shader: Shader = {
      name,
      code: `${this.struct}
@group(0) @binding(0) var<storage, read_write> plan: Plan;

@compute @workgroup_size(1)
fn main() {
${body}
}
`,
      bindings: ['write'],
    };
    return { shader, workgroups: [1, 1, 1], operands: ['plan'], flops: 0, bytes: this.operand().elements * 4 };
  }
}
