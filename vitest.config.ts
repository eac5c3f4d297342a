import { defineConfig } from 'vitest/config'

// Tests run from the sources: this condition of the packages' `exports` leads to src/ instead of dist/.
const conditions = ['@tideway/source']

export default defineConfig({
  resolve: { conditions: [...conditions, 'module', 'node', 'development'] },
  ssr: { resolve: { conditions: [...conditions, 'node', 'development'] } },
  test: {
    include: [
      'packages/*/test/**/*.test.ts',
      'examples/*/test/**/*.test.ts',
      'test/**/*.test.ts',
      'bench/test/**/*.test.ts',
    ],
    globalSetup: ['test/setup/global.ts'],
    reporters: ['default', './test/reporter.ts'],
    testTimeout: 20_000,
    // What has to happen happens, but not within a second on a machine that is busy.
    expect: { poll: { timeout: 10_000 } },
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
    pool: 'forks',
    maxWorkers: 2,
    dangerouslyIgnoreUnhandledErrors: false,
  },
})
