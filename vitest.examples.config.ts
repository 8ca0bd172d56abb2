import { mergeConfig } from 'vitest/config';
import common from './vitest.config.js';

/** The examples that install tools of their own: `npm run test:examples`. */
const config = mergeConfig(common, { test: { testTimeout: 600_000 } });
config.test.include = ['test/examples/**/*.test.ts'];
config.test.exclude = [];

export default config;
