import { printFailure } from './load-failure.ts'
import { tidewayProgram } from './program.ts'

// An empty variable, which some platforms set, counts as not set.
for (const name of ['HOST', 'PORT', 'WEB_CONCURRENCY']) if (process.env[name] === '') delete process.env[name]

try {
  await tidewayProgram(process.env).parseAsync()
} catch (error) {
  printFailure(error)
  process.exit(1)
}
