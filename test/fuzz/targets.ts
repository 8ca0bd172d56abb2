// What is fuzzed.

import { checkpoints } from './checkpoints.js';
import type { FuzzTarget } from './fuzz.js';
import { pictures } from './pictures.js';

export const TARGETS: readonly FuzzTarget[] = [checkpoints, pictures];
