import type { Scope } from './scope.ts'

/** The key of the {@link Inspection} in `scope.extensions`. */
export const INSPECTION_EXTENSION = 'tideway.inspection'

/** What a server with an inspector shows of one connection, and cannot see itself. */
export interface Inspection {
  /** A consumer of this class serves the connection. Its scope has what middleware has added, such as the user. */
  consumer(name: string, scope: Scope): void
}

/** The inspection of the connection; `undefined` if its server has no inspector. */
export function inspectionOf(scope: Scope): Inspection | undefined {
  return scope.extensions?.[INSPECTION_EXTENSION] as Inspection | undefined
}
