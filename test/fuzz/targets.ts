// What is fuzzed.

import { checkpoints } from './checkpoints.js';
import type { FuzzTarget } from './fuzz.js';

export const TARGETS: readonly FuzzTarget[] = [checkpoints];
