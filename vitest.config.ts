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
    // These only end what hangs: on two processors that are busy with everything else too, what has to happen happens, but
    // a command that starts in half a second may take ten.
    testTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
    hookTimeout: 180_000,
    teardownTimeout: 20_000,
    pool: 'forks',
    maxWorkers: 2,
    dangerouslyIgnoreUnhandledErrors: false,
  },
})
