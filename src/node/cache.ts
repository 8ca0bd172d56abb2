// temporary, replaced by the weights work
import { homedir } from 'node:os';
import { join } from 'node:path';
export const cacheFolder = (): string => process.env.CODEFORMER_CACHE ?? join(homedir(), '.cache', 'codeformer-webgpu');
