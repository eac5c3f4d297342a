import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

// Tests run from the sources: this condition of the packages' `exports` leads to src/ instead of dist/.
const conditions = ['@tideway/source']

/** Files that take a minute alone. If one of them began last, the other workers would have nothing to do. */
const FIRST = ['server/fuzz/fuzz.test.ts', 'test/chat/browser.test.ts']

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isFirst = ({ moduleId }: TestSpecification): boolean => FIRST.some((name) => moduleId.endsWith(name))
    const sorted = await super.sort(files)
    return [...sorted.filter(isFirst), ...sorted.filter((file) => !isFirst(file))]
  }
}

const testFiles = [
  'packages/*/test/**/*.test.ts',
  'examples/*/test/**/*.test.ts',
  'test/**/*.test.ts',
  'bench/test/**/*.test.ts',
]

/**
 * Files that leave nothing behind in their process: a worker runs one after another, and loads the sources once instead of
 * once per file. For 183 files that is 88 instead of 200 CPU-seconds, and for the 72 of Redis and of most of the server
 * 197 instead of 281 (2026-11-29).
 */
const sharedProcess = [
  'packages/tideway/test/{application,asgi,auth,cli,consumer,errors,layer,live,routing,security,testing}/**/*.test.ts',
  'packages/tideway/test/server/*.test.ts',
  'packages/tideway/test/server/{access-log,binding,deflate,drain,foreign,http,http2,inspector,lifespan}/**/*.test.ts',
  'packages/tideway/test/server/{limits,metrics,observe,proxies,rfc6455,tls,websocket}/**/*.test.ts',
  'packages/redis/test/**/*.test.ts',
  'packages/client/test/**/*.test.ts',
  'test/{delivery,docs,live}/**/*.test.ts',
]

export default defineConfig({
  resolve: { conditions: [...conditions, 'module', 'node', 'development'] },
  ssr: { resolve: { conditions: [...conditions, 'node', 'development'] } },
  test: {
    projects: [
      { extends: true, test: { name: 'shared', include: sharedProcess, isolate: false } },
      { extends: true, test: { name: 'own', include: testFiles, exclude: sharedProcess } },
    ],
    globalSetup: ['test/setup/global.ts'],
    reporters: ['default', './test/reporter.ts'],
    // These only end what hangs: on two processors that are busy with everything else too, what has to happen happens, but
    // a command that starts in half a second may take ten.
    testTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
    hookTimeout: 180_000,
    teardownTimeout: 20_000,
    sequence: { sequencer: LongestFirst },
    pool: 'forks',
    // Tests often wait for programs that they have started: a third worker uses the processors while two wait.
    maxWorkers: 3,
    dangerouslyIgnoreUnhandledErrors: false,
  },
})
