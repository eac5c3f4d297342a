/** The state of a consumer that most connections do not need before their end. */
export class RareState {
  /** The controller of `signal`. */
  abort: AbortController | undefined
  hasOverflowed = false
  /** The number of sends after the end of the connection. */
  lateSends = 0
  /** Ends the consumer if its handlers do not. Set at the end of the connection, which can come in every state but `ended`. */
  deadline: NodeJS.Timeout | undefined
}
