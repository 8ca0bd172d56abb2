/** The server loads the package from `node_modules`, with its native parts. */
export default { serverExternalPackages: ['codeformer-webgpu'] };
