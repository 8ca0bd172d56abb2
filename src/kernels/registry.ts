// Every kernel with its reference and cases: what the kernel test runs and the kernel bench measures.

import { networkTests } from './network-tests.js';
import { pictureTests } from './picture-tests.js';

export const kernelTests = [...networkTests, ...pictureTests];
