import type { Send } from '../asgi/application.ts'
import type { HttpSendEvent } from '../asgi/http-events.ts'
import { passesAllTo } from '../asgi/direct-sender.ts'
import type { WebSocketSendEvent } from '../asgi/websocket-events.ts'
import { Session, type SessionResponse } from './session.ts'
import type { LoadedSession, SessionBackend } from './session-backend.ts'
import { deleteCookie, setCookie, type ResponseStartEvent } from './set-cookie.ts'

type ClientSendEvent = HttpSendEvent | WebSocketSendEvent

/** The `send` of an HTTP or a WebSocket application. */
export type ClientSend = Send<ClientSendEvent>

/** The settings of a `sessionMiddleware`. */
interface ResponseSettings {
  readonly sessions: SessionBackend
  /** Whether every response extends the session. */
  readonly rolling: boolean
}

/** The facts about the request that the response needs. */
interface RequestFacts {
  /** Whether the connection is over TLS. */
  readonly secure: boolean
  readonly hadCookie: boolean
}

/**
 * The session of one connection and its `send`, which saves the session and sets its cookie when the response begins. After that it
 * passes every event on, and a consumer drops it: this object has no reference to the function, so that an idle connection keeps one
 * object only.
 */
export class SessionResponseSender implements SessionResponse {
  readonly session: Session
  readonly secure: boolean
  begun = false
  cookie: SessionResponse['cookie'] = undefined
  readonly #settings: ResponseSettings
  readonly #hadCookie: boolean
  readonly #send: ClientSend
  /** Pending sends: those during a save wait for it, in order. */
  #queue: Promise<void> | undefined

  constructor(settings: ResponseSettings, loaded: LoadedSession | undefined, request: RequestFacts, send: ClientSend) {
    this.#settings = settings
    this.secure = request.secure
    this.#hadCookie = request.hadCookie
    this.#send = send
    this.session = new Session(settings.sessions, loaded, this)
  }

  /** Returns the `send` of the application. To be called once. */
  sender(): ClientSend {
    const send: ClientSend = (event) => {
      if (this.#queue !== undefined) return this.#enqueue(send, async () => this.#send(event))
      if (this.begun) return this.#send(event)
      if (!beginsResponse(event)) {
        if (event.type === 'websocket.close') this.begun = true
        return this.#send(event)
      }
      if (!this.#savesAt(event) && !this.#settings.rolling) {
        this.begun = true
        const sent = this.#send(this.#withCookie(event))
        passesAllTo(send, this.#send)
        return sent
      }
      return this.#enqueue(send, async () => {
        if (this.#savesAt(event)) await this.session.save()
        else await this.session.touch()
        this.begun = true
        await this.#send(this.#withCookie(event))
      })
    }
    return send
  }

  #enqueue(send: ClientSend, job: () => Promise<void>): Promise<void> {
    const run = this.#queue === undefined ? job() : this.#queue.then(job)
    this.#queue = run
    const settled = (): void => {
      if (this.#queue !== run) return
      this.#queue = undefined
      if (this.begun) passesAllTo(send, this.#send)
    }
    run.then(settled, settled)
    return run
  }

  /** Whether this event saves the session. A 500 does not, because its handler may have changed the session in part. */
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
