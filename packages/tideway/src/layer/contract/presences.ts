import type { EventLog } from '../log/event-log.ts'
import type { PresenceStore } from '../presence/presence-store.ts'
import { defineTests, type ContractRunner, type ContractSkip } from './define-tests.ts'
import { leaseTests } from './presence-leases.ts'
import { memberTests } from './presence-members.ts'
import type { PresenceContractChapter, PresenceContext } from './presence-test.ts'

/** An event log whose groups can have presence. */
export type LogWithPresence = EventLog & { readonly presence: PresenceStore }

/** Options of {@link describePresenceStore}. */
export interface PresenceContractOptions<Log extends LogWithPresence = LogWithPresence> {
  /** The `describe` and `it` of the test runner in use. */
  readonly runner: ContractRunner
  /** Closes a log after its test. @default none */
  readonly close?: ((log: Log) => unknown) | undefined
  /** @default none */
  readonly skip?: readonly ContractSkip[] | undefined
  /** A lease that ends soon, in milliseconds. @default 100 */
  readonly leaseMs?: number | undefined
}

const chapters: Readonly<Record<string, PresenceContractChapter>> = { members: memberTests, leases: leaseTests }

/**
 * Defines the tests of the presence specification (`docs/spec/presence.md`) for the presence of an event log.
 * @param makeLog makes a log that shares nothing with the logs of other calls, for example by its own prefix on an engine
 * @throws TidewayError `ERR_BAD_OPTION` if `skip` names a test that does not exist
 * @example
 * describePresenceStore('MyLog', () => new MyLog(), { runner: { describe, it } })
 */
export function describePresenceStore<Log extends LogWithPresence>(
  name: string,
  makeLog: () => Log | Promise<Log>,
  options: PresenceContractOptions<Log>,
): void {
  defineTests(name, chapters, options, (test) => runTest(test, makeLog, options))
}

async function runTest<Log extends LogWithPresence>(
  run: (context: PresenceContext) => Promise<void>,
  makeLog: () => Log | Promise<Log>,
  { close, leaseMs = 100 }: PresenceContractOptions<Log>,
): Promise<void> {
  const log = await makeLog()
  try {
    await run({ log, store: log.presence, leaseMs })
  } finally {
    await close?.(log)
  }
}
