import { mergeConfig } from 'vitest/config';
import common from './vitest.config.js';

/** The examples that install tools of their own: `npm run test:examples`. */
const config = mergeConfig(common, { test: { testTimeout: 600_000 } });
// In the place of the groups, which would be run once more.
config.test.projects = undefined;
config.test.include = ['test/examples/**/*.test.ts'];
config.test.exclude = [];

export default config;
