import { hiddenField } from '../../errors/hidden-field.ts'
import type { LogEntry } from './event-log.ts'

/**
 * Returns `make` with one call for each entry and process: its result is kept as long as the entry. All followers of a group get an
 * entry one directly after the other, so the newest result is found without a look-up.
 * @param make gets the entry, and the context of the first call for it
 */
export function oncePerEntry<Context, Result>(
  make: (entry: LogEntry, context: Context) => Result,
): (entry: LogEntry, context: Context) => Result {
  const results = hiddenField<LogEntry, { readonly result: Result }>()
  let lastEntry: LogEntry | undefined
  let lastResult: Result
  return (entry, context) => {
    if (entry === lastEntry) return lastResult
    let kept = results.get(entry)
    if (kept === undefined) results.set(entry, (kept = { result: make(entry, context) }))
    lastEntry = entry
    lastResult = kept.result
    return lastResult
  }
}
