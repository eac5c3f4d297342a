import { outOfTurn, unknownEvent } from '../errors/event-errors.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import type { HttpSendEvent } from './http-events.ts'

/**
 * The events that an HTTP application may send next:
 * - `waiting`: `http.response.start`, and early hints.
 * - `started`: the first `http.response.body`, and early hints. Nothing of the response was sent yet.
 * - `streaming`: more `http.response.body` events.
 * - `trailers`: `http.response.trailers`, which the start has announced.
 * - `complete`: none.
 * - `disconnected`: none; the client disconnected before the response was complete.
 */
export type HttpState = 'waiting' | 'started' | 'streaming' | 'trailers' | 'complete' | 'disconnected'

/**
 * Returns the state after an event of the application. Returns the error for an event that the state does not allow, or whose
 * status is invalid; the caller throws it. The server and the communicators of `tideway/testing` follow these rules.
 *
 * It checks no header and no body.
 * @param hasTrailers whether the start of the response has announced trailers
 */
export function nextHttpState(state: HttpState, event: HttpSendEvent, hasTrailers: boolean): HttpState | TidewayError {
  if (state === 'disconnected') {
    return new TidewayError('ERR_CONNECTION_CLOSED', 'The client disconnected before its response was complete.')
  }
  const { type } = event
  switch (type) {
    case 'http.response.start':
      if (state !== 'waiting') return outOfTurn(type, 'the response has already started')
      return malformedStatus(event.status) ?? 'started'
    case 'http.response.body':
      if (state === 'waiting') return outOfTurn(type, 'send http.response.start first')
      if (state !== 'started' && state !== 'streaming') return outOfTurn(type, 'the response is complete')
      if (event.moreBody ?? false) return 'streaming'
      return hasTrailers ? 'trailers' : 'complete'
    case 'http.response.trailers':
      if (state !== 'trailers') {
        return outOfTurn(type, 'send it after the last body of a response started with trailers')
      }
      return (event.moreTrailers ?? false) ? 'trailers' : 'complete'
    case 'http.response.early_hint':
      if (state !== 'waiting' && state !== 'started') return outOfTurn(type, 'the response has already been sent')
      return state
    default:
      return unknownEvent(type)
  }
}

function malformedStatus(status: number): TidewayError | undefined {
  if (Number.isInteger(status) && status >= 200 && status <= 999) return undefined
  return new TidewayError('ERR_BAD_EVENT', `http.response.start needs a status of 200 to 999, not ${status}.`)
}
