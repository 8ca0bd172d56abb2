// The kernels in AssemblyScript are compiled when they are imported: see `scripts/kernels.mjs`.
declare module '*.wasm' {
  const module: Uint8Array<ArrayBuffer>;
  export default module;
}

// A module and what it imports, as the text of a script.
declare module '*?code' {
  const code: string;
  export default code;
}
