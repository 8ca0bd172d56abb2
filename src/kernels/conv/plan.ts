// A small struct in a scratch buffer that holds the geometry of a call and the number of its current strip. Shaders read it instead
// of having `override` constants, so that one compiled pipeline serves every shape: the unrolled tiles of the register kernels take
// a software adapter longer to compile than to run on a small picture.

import type { Dispatch, Operand, Shader } from '../kernel.js';

/** Names and types of the fields. */
export type PlanFields = Readonly<Record<string, 'u32' | 'f32'>>;

/** Fields that say where a strip starts: its number, or its picture and first row. They start at zero. */
type Counter = 'strip' | 'picture' | 'row';

/** Goes on to the next `rows` of the `y_height` rows of a picture, and from picture to picture. */
export const nextRows = `  plan.row += plan.rows;
  if (plan.row >= plan.y_height) {
    plan.row = 0u;
    plan.picture += 1u;
  }`;

export class Plan<F extends PlanFields> {
  /** WGSL declaration of `struct Plan`. */
  readonly struct: string;

  /** @param next statements that go on to the next strip */
  constructor(
    private readonly name: string,
    private readonly fields: F,
    private readonly next = '  plan.strip += 1u;',
  ) {
    const lines = Object.entries(fields).map(([field, type]) => `  ${field}: ${type},`);
    this.struct = `struct Plan {\n${lines.join('\n')}\n}\n`;
  }

  operand(): Operand {
    return { access: 'scratch', type: 'u32', elements: Object.keys(this.fields).length };
  }

  /** Writes the fields; those that say where a strip starts become zero. */
  write(values: Readonly<Record<Exclude<keyof F, Counter>, number>>): Dispatch {
    const all = Object.fromEntries(Object.keys(this.fields).map(field => [field, 0]));
    const lines = Object.entries<number>({ ...all, ...values }).map(
      ([field, value]) => `  plan.${field} = ${this.fields[field]}(${value});`,
    );
    return this.dispatch(`${this.name}/plan`, lines.join('\n'));
  }

  /** Goes on to the next strip. */
  advance(): Dispatch {
    return this.dispatch(`${this.name}/next-strip`, this.next);
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
