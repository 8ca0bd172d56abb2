// The types of the library where a program's own settings do not say whether it runs in Node or in a browser: what either of them takes.
// The code is that of the platform.

import type * as node from './node/index.js';
import type * as web from './web/index.js';

export type * from './node/index.js';
export type { WebRestorerOptions, WeightsProgress } from './web/index.js';
