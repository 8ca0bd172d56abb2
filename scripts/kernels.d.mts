import type { Plugin } from 'esbuild';

export declare const wasmKernels: Plugin;
export declare const viteWasmKernels: { name: string };
