import { createEmitter } from '../emitter.ts'
import { ClientError } from '../errors.ts'
import { createLink } from '../link.ts'
import { resolveOptions, scope, type ValueOrProvider } from '../options.ts'
import type { ConnectionState } from '../state.ts'
import { createTimer } from '../timer.ts'
import { subprotocol, type ServerFrame } from './frames.ts'
import { createJoins } from './joins.ts'
import type { LiveClient, LiveClientEvents, LiveOptions } from './live-client.ts'
import { createLiveRequests, encodeRequest } from './live-requests.ts'
import type { Session } from './session.ts'
import { storedPosition } from './stored-positions.ts'
import type { WebSocketConstructor } from '../web-socket-port.ts'
import type { LiveConsumerClass, UntypedConsumer } from './consumer-types.ts'

const webSocket = 'websocket'

/** The maximum number of unanswered requests, until the server sends its own in `hi`. */
const maxRequestsOnWire = 100

/** The part of the time of a move in which the clients open their next connections. */
const moveSpread = 0.25

/**
 * Connects to a `LiveConsumer`, and reconnects until `close()` is called or the server sends a code of `stopCodes`. The client
 * resumes its groups on each connection, and repeats unanswered requests. When the server drains, the client first opens the
 * next connection, and closes the old one once all groups have moved.
 *
 * The type of the consumer gives the types of groups, events and requests. Nothing of the server is in the page.
 *
 * Throws errors that a retry cannot fix: `ERR_BAD_URL`, `ERR_NO_WEBSOCKET`, `ERR_BAD_OPTION`.
 *
 * @example
 * const chat = connectLive<typeof ChatConsumer>('/ws/chat/')
 * const lobby = chat.join('room', 'lobby', { last: 50 })
 * lobby.on('said', ({ user, text }) => show(user, text))
 * await chat.request('say', { room: 'lobby', text: 'Hello' })
 */
export function connectLive<Consumer extends LiveConsumerClass = UntypedConsumer>(
  url: ValueOrProvider<string | URL>,
  options: LiveOptions = {},
): LiveClient<Consumer> {
  const { maxPendingRequests = 1_000, WebSocket = scope.WebSocket } = options
  const storagePrefix = `tideway ${typeof url === 'function' ? '' : String(url)}`
  const transports = String(options.sharedWorker || options.transports || (options.WebSocket ? webSocket : ''))
  /** The load of the module that chooses a transport. */
  let choosing: Promise<unknown> | undefined
  const resolved = resolveOptions(url, {
    // Without WebSockets the other transports replace this class before it is used.
    WebSocket: (WebSocket ?? (transports !== webSocket && Object)) as WebSocketConstructor,
    ...options,
    async protocols({ attempt }) {
      // Most pages never need the module: their first attempt succeeds.
      if (transports !== webSocket && (attempt > 1 || !WebSocket || transports || storedPosition(storagePrefix)))
        await (choosing ??= import('./transports/choose.ts')
          .then((module) => module.chooseTransport(resolved, options, storagePrefix, joins.greet, startMove, closeNext))
          .catch(() => {
            choosing = undefined
          }))
      return subprotocol
    },
    heartbeat: options.heartbeat !== false && { ping: '{"t":"ping"}', pong: '{"t":"pong"}', ...options.heartbeat },
    // Requests have their own queue, and nothing else waits.
    outbox: { maxBytes: Infinity },
  })
  const { random, backoff } = resolved
  const { on, emit } = createEmitter<LiveClientEvents>()
  const onError = (error: ClientError): void => emit('error', error)

  let sessionCount = 0
  /** The session that the state of the client shows. */
  let current: Session
  /** The session to which the client moves. */
  let next: Session | undefined
  /** The session that has moved, until its requests are answered. */
  let draining: Session | undefined
  const openNext = createTimer()
  const moveDeadline = createTimer()

  const joins = createJoins({
    sessions: () => (next ? [current, next] : draining ? [current, draining] : [current]),
    onError,
    backoff,
    random,
    storagePrefix,
  })
  const requests = createLiveRequests(() => (draining ? undefined : current), maxPendingRequests, backoff, random)

  const openSession = (): Session => {
    const link = createLink(resolved, {
      onState: (state) => onState(session, state),
      onMessage: (data) => onFrame(session, JSON.parse(data as string) as ServerFrame),
      onOpen: (write) => joins.greet(session, write),
      onDrained: requests.pump,
      onLost(code) {
        session.moveWithinMs = undefined
        joins.onLost(session)
        requests.onLost(session, code)
      },
      onError: (error) => session === current && onError(error),
    })
    const session: Session = {
      number: ++sessionCount,
      link,
      isReady: false,
      hasGreeted: false,
      waiting: new Set(),
      leaving: new Map(),
      maxRequests: maxRequestsOnWire,
    }
    return session
  }

  const onFrame = (session: Session, frame: ServerFrame): void => {
    if (frame.t === 'answer') requests.answer(frame)
    else if (frame.t === 'hi') {
      session.hasGreeted = true
      session.maxRequests = frame.max?.requests ?? maxRequestsOnWire
    } else if (frame.t === 'move') {
      if (session === current && !draining) startMove(frame.within)
      else session.moveWithinMs = frame.within
    } else if ('g' in frame) joins.onFrame(session, frame)
    if (next?.hasGreeted && next.waiting.size === 0) completeMove(next)
    if (draining && requests.countOn(draining) === 0) closeDraining()
    if (frame.t === 'answer' || frame.t === 'hi') requests.pump()
  }

  const startMove = (withinMs: number): void => {
    if (next) return
    openNext.set(random() * moveSpread * withinMs, () => {
      next = openSession()
    })
    moveDeadline.set(withinMs, () => {
      // A connection that is open, or may be soon, continues when the server ends the old one.
      if (next?.link.state.status === 'reconnecting') closeNext()
      closeDraining()
    })
  }

  const completeMove = (to: Session): void => {
    draining = current
    current = to
    next = undefined
    // The transport may have changed.
    if (choosing) emit('state', to.link.state)
  }

  const closeNext = (): void => {
    openNext.clear()
    moveDeadline.clear()
    const session = next
    next = undefined
    session?.link.close()
  }

  const closeDraining = (): void => {
    if (!draining) return
    const session = draining
    draining = undefined
    moveDeadline.clear()
    session.link.close()
    requests.pump()
    moveAgain()
  }

  /** Moves from a session whose server began to drain during the move to it. */
  const moveAgain = (): void => {
    const { moveWithinMs } = current
    current.moveWithinMs = undefined
    if (moveWithinMs !== undefined) startMove(moveWithinMs)
  }

  const onState = (session: Session, state: ConnectionState): void => {
    const { status } = state
    if (status === 'open') Object.assign(state, { transport: session.link.socket?.transport ?? webSocket })
    if (session === draining && status !== 'open') closeDraining()
    else if (session === next && status === 'closed') closeNext()
    if (session !== current) return
    if (next && status !== 'open' && status !== 'closed') {
      // The old connection ended first: the next one, wherever it is, continues.
      current = next
      next = undefined
      moveDeadline.clear()
      session.link.close()
      moveAgain()
      if (current.link.state.status !== 'open') emitState(current.link.state)
      else requests.pump()
      return
    }
    if (status !== 'open') openNext.clear()
    if (status === 'closed') {
      closeNext()
      closeDraining()
      joins.close()
      requests.close()
    }
    emitState(state)
    if (status === 'open') requests.pump()
  }

  const emitState = (state: ConnectionState): void => {
    emit('state', state)
    // A listener may have changed the state again.
    if (state === current.link.state && state.status !== 'connecting') emit(state.status, state as never)
  }

  const assertNotClosed = (): void => {
    const { state } = current.link
    if (state.status === 'closed') throw new ClientError('ERR_CLOSED', state.why)
  }

  const close = (code?: number, reason?: string): void => current.link.close(code, reason)

  current = openSession()

  const client: LiveClient<UntypedConsumer> = {
    on,
    close,
    [Symbol.dispose]: close,
    get state() {
      return current.link.state
    },
    get gaps() {
      return joins.gaps
    },
    reconnect() {
      closeNext()
      current.link.reconnect()
    },
    join(family, id, joinOptions = {}) {
      assertNotClosed()
      return joins.join(`${family}.${id}`, joinOptions) as never
    },
    request(name, input, requestOptions = {}) {
      joins.flush()
      const pending = requests.send(name, input, requestOptions)
      if (current.link.state.status === 'closed') requests.close()
      return pending
    },
    send(name, input) {
      assertNotClosed()
      let isSent = false
      if (!current.isReady || current.link.state.status !== 'open') return isSent
      joins.flush()
      const settle = (outcome: string): void => {
        isSent = outcome === 'sent'
      }
      // An age of 0: it does not wait for a full socket.
      current.link.post({ data: encodeRequest(name, input), settle }, 0)
      return isSent
    },
  }
  return client as unknown as LiveClient<Consumer>
}
