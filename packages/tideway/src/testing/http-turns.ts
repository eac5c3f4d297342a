import { entriesOf } from '../asgi/headers.ts'
import type { HttpSendEvent } from '../asgi/http-events.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import { outOfTurn } from '../server/handshake/application-errors.ts'
import { requireLinks } from '../server/http/require-links.ts'
import { requireHeader } from '../server/handshake/require-header.ts'

/**
 * The events that the application may send next:
 * - `waiting`: the start of the response.
 * - `streaming`: its body.
 * - `trailers`: the trailers that the start announced.
 * - `complete`: none.
 */
type State = 'waiting' | 'streaming' | 'trailers' | 'complete'

/** Rejects the events that the server rejects, so that an application that passes its tests also works behind the server. */
export class HttpTurns {
  #state: State = 'waiting'
  #hasTrailers = false
  /** Whether the start has been sent and no body: the server has not written anything yet. */
  #isHeldBack = false
  #clientIsGone = false

  get isComplete(): boolean {
    return this.#state === 'complete'
  }

  /** The client disconnects. */
  end(): void {
    this.#clientIsGone = true
  }

  /** Advances the state by an event of the application. Throws if the event is out of turn. */
  take(event: HttpSendEvent): void {
    if (this.#clientIsGone && !this.isComplete) {
      throw new TidewayError('ERR_CONNECTION_CLOSED', 'The client disconnected before its response was complete.')
    }
    const { type } = event
    switch (type) {
      case 'http.response.start':
        if (this.#state !== 'waiting') throw outOfTurn(type, 'the response has already started')
        if (!Number.isInteger(event.status) || event.status < 200 || event.status > 999) {
          throw new TidewayError(
            'ERR_BAD_EVENT',
            `http.response.start needs a status of 200 to 999, not ${event.status}.`,
          )
        }
        for (const [name, value] of entriesOf(event.headers ?? [])) requireHeader(name, value)
        this.#hasTrailers = event.trailers === true
        this.#state = 'streaming'
        this.#isHeldBack = true
        return
      case 'http.response.body':
        if (this.#state === 'waiting') throw outOfTurn(type, 'send http.response.start first')
        if (this.#state !== 'streaming') throw outOfTurn(type, 'the response is complete')
        this.#isHeldBack = false
        if (event.moreBody !== true) this.#state = this.#hasTrailers ? 'trailers' : 'complete'
        return
      case 'http.response.trailers':
        if (this.#state !== 'trailers') {
          throw outOfTurn(type, 'send it after the last body of a response started with trailers')
        }
        if (event.moreTrailers !== true) this.#state = 'complete'
        return
      case 'http.response.early_hint':
        if (this.#state !== 'waiting' && !this.#isHeldBack) throw outOfTurn(type, 'the response has already been sent')
        requireLinks(event.links)
        return
      default:
        throw new TidewayError('ERR_BAD_EVENT', `Unknown event "${String(type)}".`)
    }
  }
}
