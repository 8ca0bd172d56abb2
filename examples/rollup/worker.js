import 'codeformer-webgpu/worker';
