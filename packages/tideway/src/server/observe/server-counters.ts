import { ConnectionCounters } from '../websocket/connection-counters.ts'

/** Counters of connections and requests since the start of the server. */
export class ServerCounters extends ConnectionCounters {
  requests = 0
  /** By the first digit of the status. */
  readonly responses: [0, informational: number, number, number, number, number] = [0, 0, 0, 0, 0, 0]
  requestsAborted = 0
  /** Events that applications sent after the end of a response. */
  httpSendsAfterEnd = 0
}
