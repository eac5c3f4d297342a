import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

// Tests run from the sources: this condition of the packages' `exports` leads to src/ instead of dist/.
const conditions = ['@tideway/source']

/** The longest files of each project, the longest one first. If one began last, the other workers would have nothing to do. */
const FIRST = [
  'test/init.test.ts',
  'test/chat/browser.test.ts',
  'server/fuzz/fuzz.test.ts',
  'test/chat/faults-browser.test.ts',
  'worker/task-process.test.ts',
  'worker/worker-process.test.ts',
  'test/chat/report.test.ts',
  'test/deploy/proxies.test.ts',
  'client/test/core-chromium.test.ts',
  'docs/tutorial-to-deployment.test.ts',
  'docs/tutorial.test.ts',
  'client/test/storm.test.ts',
  'cli/workers.test.ts',
  'test/live/moves.test.ts',
  'redis/test/sentinel.test.ts',
  'redis/test/cluster.test.ts',
  'layer/log/simulation.test.ts',
  'cli/doctor.test.ts',
]

class LongestFirst extends BaseSequencer {
  /** Keeps the projects one after the other: a shared process ends when a file of another project is next. */
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = FIRST.findIndex((name) => moduleId.endsWith(name))
      return at === -1 ? FIRST.length : at
    }
    const sorted = await super.sort(files)
    const projects = [...new Set(sorted.map(({ project }) => project))]
    return projects.flatMap((one) =>
      sorted.filter(({ project }) => project === one).toSorted((a, b) => rank(a) - rank(b)),
    )
  }
}

const testFiles = ['packages/*/test/**/*.test.ts', 'examples/*/test/**/*.test.ts', 'test/**/*.test.ts']

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
  'test/{delivery,live}/**/*.test.ts',
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
