// `codeformer weights`: looks at files of weights, converts, checks and makes them, and gets the released ones.

import { group } from './command.js';
import { convert, generate, inspect, verify } from './weights-files.js';
import { list, pull } from './weights-releases.js';

export const weights = group(
  { inspect, convert, verify, generate, list, pull },
  'codeformer weights <command> --help says more.\n',
);
