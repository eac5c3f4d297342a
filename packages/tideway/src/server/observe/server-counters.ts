import { ConnectionCounters } from '../websocket/connection-counters.ts'

/** Counts of connections and requests, since the server was made. */
export class ServerCounters extends ConnectionCounters {
  requests = 0
  /** By the first digit of the status. */
  readonly responses: [0, informational: number, number, number, number, number] = [0, 0, 0, 0, 0, 0]
  requestsAborted = 0
  /** Events that applications sent after the end of a response. */
  httpSendsAfterEnd = 0
}
