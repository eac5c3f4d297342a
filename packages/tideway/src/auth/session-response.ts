import type { Send } from '../asgi/application.ts'
import type { HttpSendEvent } from '../asgi/http-events.ts'
import { passMessages } from '../asgi/message-outlet.ts'
import type { WebSocketSendEvent } from '../asgi/websocket-events.ts'
import { Session, type SessionResponse } from './session.ts'
import type { LoadedSession, SessionBackend } from './session-backend.ts'
import { deleteCookie, setCookie, type ResponseStartEvent } from './set-cookie.ts'

type ClientSendEvent = HttpSendEvent | WebSocketSendEvent

/** The way out of a connection of either kind. */
export type ClientSend = Send<ClientSendEvent>

/** What all visits have in common. */
interface VisitSettings {
  readonly sessions: SessionBackend
  /** Whether a visit makes the session live longer. */
  readonly rolling: boolean
}

/** What is known of the client. */
interface Visitor {
  /** Whether the connection is over TLS. */
  readonly secure: boolean
  readonly hadCookie: boolean
}

/**
 * One connection as its session sees it: the session, and the way out, where the session is saved and its cookie set when the
 * response begins. All of it is one object and one function, since ten thousand idle connections have one each; once the
 * response has begun, it costs a message two comparisons.
 */
export class SessionResponseSender implements SessionResponse {
  readonly session: Session
  readonly secure: boolean
  begun = false
  cookie: SessionResponse['cookie'] = undefined
  readonly #settings: VisitSettings
  readonly #hadCookie: boolean
  readonly #send: ClientSend
  /** What was sent while the session was being saved waits for it, in order. */
  #queue: Promise<void> | undefined

  constructor(settings: VisitSettings, loaded: LoadedSession | undefined, visitor: Visitor, send: ClientSend) {
    this.#settings = settings
    this.secure = visitor.secure
    this.#hadCookie = visitor.hadCookie
    this.#send = send
    this.session = new Session(settings.sessions, loaded, this)
  }

  /** Sends an event of the application. */
  readonly send: ClientSend = (event) => {
    if (this.#queue !== undefined) return this.#enqueue(async () => this.#send(event))
    if (this.begun) return this.#send(event)
    if (!beginsResponse(event)) {
      if (event.type === 'websocket.close') this.begun = true
      return this.#send(event)
    }
    if (!this.#savesAt(event) && !this.#settings.rolling) {
      this.begun = true
      const sent = this.#send(this.#withCookie(event))
      passMessages(this.send, this.#send)
      return sent
    }
    return this.#enqueue(async () => {
      if (this.#savesAt(event)) await this.session.save()
      else await this.session.touch()
      this.begun = true
      await this.#send(this.#withCookie(event))
    })
  }

  #enqueue(job: () => Promise<void>): Promise<void> {
    const run = this.#queue === undefined ? job() : this.#queue.then(job)
    this.#queue = run
    const settled = (): void => {
      if (this.#queue !== run) return
      this.#queue = undefined
      if (this.begun) passMessages(this.send, this.#send)
    }
    run.then(settled, settled)
    return run
  }

  /** What led to a 500 may have left the session half done. */
  #savesAt(event: ResponseStartEvent): boolean {
    return event.type === 'http.response.start' && event.status !== 500 && this.session.modified
  }

  #withCookie(event: ResponseStartEvent): ResponseStartEvent {
    const { cookie } = this
    if (cookie === undefined) return event
    const { cookieName, cookieScope } = this.#settings.sessions
    if (cookie !== 'delete') return setCookie(event, cookieName, cookie.value, cookie.attributes)
    return this.#hadCookie ? deleteCookie(event, cookieName, cookieScope) : event
  }
}

function beginsResponse(event: ClientSendEvent): event is ResponseStartEvent {
  const { type } = event
  return type === 'http.response.start' || type === 'websocket.accept' || type === 'websocket.http.response.start'
}
