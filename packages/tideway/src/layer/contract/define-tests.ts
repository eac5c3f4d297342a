import { TidewayError } from '../../errors/tideway-error.ts'

/** The subset of a test runner that the suite needs: vitest, jest and node:test have it. */
export interface ContractRunner {
  /** Groups tests under a name. */
  readonly describe: (name: string, body: () => void) => unknown
  /** Defines a test. */
  readonly it: ((name: string, body: () => Promise<void>) => unknown) & {
    /** Lists a test without running it. */
    readonly skip: (name: string, body: () => Promise<void>) => unknown
  }
}

/** Tests of the contract that a layer does not pass, with the reason. */
export interface ContractSkip {
  readonly reason: string
  /** The names of the tests, without the name of their chapter. */
  readonly tests: readonly string[]
}

/** The tests of a contract: by chapter, then by name. */
type Chapters<Test> = Readonly<Record<string, Readonly<Record<string, Test>>>>

/**
 * Defines the tests of a contract with the runner.
 * @throws TidewayError `ERR_BAD_OPTION` if `skip` names a test that does not exist
 */
export function defineTests<Test>(
  name: string,
  chapters: Chapters<Test>,
  { runner, skip = [] }: { readonly runner: ContractRunner; readonly skip?: readonly ContractSkip[] | undefined },
  run: (test: Test) => Promise<void>,
): void {
  const reasons = new Map(skip.flatMap(({ reason, tests }) => tests.map((test) => [test, reason] as const)))
  requireKnown(reasons.keys(), chapters)
  runner.describe(name, () => {
    for (const [chapter, tests] of Object.entries(chapters)) {
      runner.describe(chapter, () => {
        for (const [title, test] of Object.entries(tests)) {
          const reason = reasons.get(title)
          const body = (): Promise<void> => run(test)
          if (reason === undefined) runner.it(title, body)
          else runner.it.skip(`${title} (not here: ${reason})`, body)
        }
      })
    }
  })
}

/** Detects a skip whose test was renamed. */
function requireKnown<Test>(names: Iterable<string>, chapters: Chapters<Test>): void {
  const known = new Set(Object.values(chapters).flatMap((tests) => Object.keys(tests)))
  for (const name of names) {
    if (known.has(name)) continue
    throw new TidewayError('ERR_BAD_OPTION', `skip names a test that the contract does not have: "${name}".`)
  }
}
