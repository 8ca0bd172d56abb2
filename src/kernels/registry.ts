// Every kernel with its reference and cases: what the kernel test runs and the kernel bench measures.

import type { KernelTest } from './kernel';
import { normalizeTest } from './normalize/normalize.cases';

// The parameters differ from kernel to kernel; each entry is consistent in itself.
// biome-ignore lint/suspicious/noExplicitAny: a list over all parameter types
export const kernelTests: readonly KernelTest<any>[] = [normalizeTest];
