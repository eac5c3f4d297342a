import type { EventListener } from '../../asgi/direct-receiver.ts'
import type { WebSocketReceiveEvent } from '../../asgi/websocket-events.ts'
import { eventTurn } from './event-turn.ts'
import { Inbox } from './inbox.ts'

/**
 * The events that a connection has for its application. Either events wait for the application, or it waits for an event. A base class
 * instead of a member object, which each idle connection would keep.
 */
export abstract class ReceivedEvents {
  #inbox: Inbox | undefined
  #waiting: EventListener<WebSocketReceiveEvent> | undefined

  /** Calls the waiting listener with the event in a microtask, or queues it. */
  protected pushEvent(event: WebSocketReceiveEvent): void {
    const waiting = this.#waiting
    if (waiting !== undefined) {
      this.#waiting = undefined
      eventTurn.add(waiting, event)
    } else if (this.#inbox === undefined) this.#inbox = new Inbox(event)
    else this.#inbox.push(event)
  }

  /** Removes and returns the next event; `undefined` if none is queued. */
  protected shiftEvent(): WebSocketReceiveEvent | undefined {
    const inbox = this.#inbox
    if (inbox === undefined) return undefined
    const event = inbox.shift()
    if (inbox.isEmpty) this.#inbox = undefined
    return event
  }

  /** Calls the listener with the next event. No event is queued. */
  protected waitForEvent(listener: EventListener<WebSocketReceiveEvent>): void {
    this.#waiting = listener
  }

  /** Whether so many events are queued, or texts and payloads of so many bytes. */
  protected hasEvents(maxMessages: number, maxBytes: number): boolean {
    return this.#inbox !== undefined && this.#inbox.isFull(maxMessages, maxBytes)
  }

  /** The length of the queued texts and payloads. */
  protected get eventBytes(): number {
    return this.#inbox === undefined ? 0 : this.#inbox.bufferedBytes
  }
}
