// Every kernel on small inputs, beside its reference.

import { CodeFormerError, loadPart, throwIfAborted } from '../errors.js';
import { type Executor, lossOf, type RunOptions } from '../executor.js';
import { type Case, type ConvolutionWay, type KernelTest, testName } from '../kernels/kernel.js';
import type { Check } from './check.js';
import { onExecutor, worstOf } from './kernel-check.js';

/** Elements of all operands of the largest inputs: of more the references take longer than they tell. */
const MOST_ELEMENTS = 65536;

/**
 * Checks kernels as an executor computes them now.
 * @param names those of their checks; default all
 */
export async function checkKernels(
  executor: Executor,
  signal: RunOptions['signal'],
  names?: readonly string[],
): Promise<Check[]> {
  throwIfAborted(signal);
  const tests = (await allTests()).filter(test => isThere(executor, test) && (names?.includes(testName(test)) ?? true));
  // All inputs at once, so that shaders compile side by side.
  return Promise.all(tests.map(test => checkKernel(executor, test, signal)));
}

/** In two files, so that neither has much in common with what is loaded before. */
async function allTests() {
  const files = Promise.all([import('../kernels/network-tests.js'), import('../kernels/picture-tests.js')]);
  const [{ networkTests }, { pictureTests }] = await loadPart('The self-test', files);
  return [...networkTests, ...pictureTests];
}

/** Whether an executor has what is tested: elsewhere the test of sums of products says the same. */
const isThere = (
  { variants }: Executor,
  { convolution }: { readonly convolution?: ConvolutionWay | undefined },
): boolean => convolution !== 'subgroup-matrices' || variants.includes(convolution);

async function checkKernel<P>(executor: Executor, test: KernelTest<P>, signal: RunOptions['signal']): Promise<Check> {
  const { kernel } = test;
  const small = test.cases.filter(({ params }) => {
    const operands = Object.values(kernel.operands(params));
    return operands.reduce((sum, { elements }) => sum + elements, 0) <= MOST_ELEMENTS;
  });
  const faults = await Promise.all(small.map(item => faultOf(executor, test, item, signal)));
  const first = faults.findIndex(fault => fault !== null);
  const fault = first < 0 ? null : `${small[first]!.name}: ${faults[first]}`;
  return { name: testName(test), inputs: small.length, fault };
}

async function faultOf<P>(
  executor: Executor,
  test: KernelTest<P>,
  item: Case<P>,
  signal: RunOptions['signal'],
): Promise<string | null> {
  try {
    const { where, error } = await worstOf(test, item, onExecutor(executor, { signal }));
    return error > item.tolerance[executor.precision] ? where : null;
  } catch (error) {
    // A shader that does not compile, for example.
    if (!(error instanceof CodeFormerError && error.code === 'GPU_ERROR')) throw error;
    await lossOf(executor);
    executor.check();
    return error.message;
  }
}
