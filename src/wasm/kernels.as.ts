// What the module exports: the functions that jobs name, and where free memory begins.

export * from '../kernels/add/add.as';
export * from '../kernels/conv/conv.as';
export * from '../kernels/normalize/normalize.as';
export * from '../kernels/winograd/winograd.as';

export function heapBase(): usize {
  return __heap_base;
}
