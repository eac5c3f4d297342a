import { defineTests, type ContractRunner, type ContractSkip } from './define-tests.ts'
import { answerTests, crossingAnswerTests } from './log-answers.ts'
import { appendTests } from './log-append.ts'
import { readTests } from './log-reads.ts'
import type { LogContext, LogContractChapter } from './log-test.ts'
import { crossingValuesTests, valuesTests } from './log-values.ts'
import { crossingWatchTests, watchTests } from './log-watch.ts'
import type { EventLog } from '../log/event-log.ts'

/** Options of {@link describeEventLog}. */
export interface EventLogContractOptions<Log extends EventLog = EventLog> {
  /** The `describe` and `it` of the test runner in use. */
  readonly runner: ContractRunner
  /**
   * Makes a second log on the engine of the given one, like another process. Enables the tests that cross processes.
   * @default none: the log is local
   */
  readonly makePeer?: ((log: Log) => Log | Promise<Log>) | undefined
  /** Closes a log after its test. @default none */
  readonly close?: ((log: Log) => unknown) | undefined
  /** @default none */
  readonly skip?: readonly ContractSkip[] | undefined
  /** The shortest time after which the log can drop entries, epochs and ids, in milliseconds. @default 100 */
  readonly ttlMs?: number | undefined
}

const chapters: Readonly<Record<string, LogContractChapter>> = {
  append: appendTests,
  read: readTests,
  values: valuesTests,
  watch: watchTests,
  answers: answerTests,
}

const crossingChapters: Readonly<Record<string, LogContractChapter>> = {
  'watch across processes': crossingWatchTests,
  'values across processes': crossingValuesTests,
  'answers across processes': crossingAnswerTests,
}

/**
 * Defines the tests of the event log specification (`docs/spec/logs.md`) for a log.
 * @param makeLog makes a log that shares nothing with the logs of other calls, for example by its own prefix on an engine
 * @throws TidewayError `ERR_BAD_OPTION` if `skip` names a test that does not exist
 * @example
 * describeEventLog('MyLog', () => new MyLog(), { runner: { describe, it } })
 */
export function describeEventLog<Log extends EventLog>(
  name: string,
  makeLog: () => Log | Promise<Log>,
  options: EventLogContractOptions<Log>,
): void {
  const all = options.makePeer === undefined ? chapters : { ...chapters, ...crossingChapters }
  defineTests(name, all, options, (test) => runTest(test, makeLog, options))
}

async function runTest<Log extends EventLog>(
  run: (context: LogContext) => Promise<void>,
  makeLog: () => Log | Promise<Log>,
  { makePeer, close, ttlMs = 100 }: EventLogContractOptions<Log>,
): Promise<void> {
  const made: Log[] = []
  const keep = (log: Log): Log => {
    made.push(log)
    return log
  }
  try {
    await run({
      ttlMs,
      makeLog: async () => keep(await makeLog()),
      makePeer: async (log) => keep(await makePeer!(log as Log)),
    })
  } finally {
    for (const log of made.toReversed()) await close?.(log)
  }
}
