import type { ClientEvents, ClientOptions, TidewayClient } from './client.ts'
import { createEmitter } from './emitter.ts'
import { causedError, ClientError } from './errors.ts'
import { createLink } from './link.ts'
import { resolveOptions, type ValueOrProvider } from './options.ts'
import type { SendOutcome } from './outbox.ts'
import { createRequests } from './requests.ts'
import type { WebSocketPayload } from './web-socket-port.ts'

/**
 * Connects to a WebSocket server, and reconnects until `close()` is called or the server sends a code of `stopCodes`.
 * `Out` and `In` are the application's message types. Share them with the consumer.
 *
 * Throws errors that a retry cannot fix: `ERR_BAD_URL`, `ERR_NO_WEBSOCKET`, `ERR_BAD_OPTION`.
 *
 * @example
 * const socket = connect<ClientToServer, ServerToClient>('/ws/chat/lobby/')
 * socket.on('message', ({ message }) => show(message))
 * socket.send({ message: 'Hello' })
 */
export function connect<Out = unknown, In = unknown>(
  url: ValueOrProvider<string | URL>,
  options: ClientOptions<Out, In> = {},
): TidewayClient<Out, In> {
  const {
    onConnectMessage,
    encode = encodeJson,
    // Throws a SyntaxError for a binary message, which becomes an `error` event.
    decode = JSON.parse as (data: string | ArrayBuffer) => In,
    maxUnreadMessages = 1_000,
  } = options
  const { on, emit } = createEmitter<ClientEvents<In>>()

  const toPayload = (message: Parameters<typeof encode>[0]): WebSocketPayload => {
    try {
      return encode(message)
    } catch (cause) {
      throw causedError('ERR_BAD_MESSAGE', cause)
    }
  }

  const resolved = resolveOptions(url, options)
  const link = createLink(resolved, {
    onState(state) {
      if (state.status === 'closed') requests.close()
      emit('state', state)
      // A listener may have changed the state again.
      if (state === link.state && state.status !== 'connecting') emit(state.status, state)
    },
    onMessage(data) {
      const message = decode(data as string | ArrayBuffer)
      if (!requests.answer(message)) emit('message', message)
    },
    onOpen(write) {
      const message = onConnectMessage?.()
      if (message !== undefined) write(toPayload(message))
    },
    onDrained: () => emit('drained', undefined),
    onLost: (code) => requests.onConnectionLost(code),
    onError: (error) => emit('error', error),
  })
  const requests = createRequests(link, resolved.outbox.maxMessages, resolved.random)

  return {
    on,
    reconnect: link.reconnect,
    close: link.close,
    [Symbol.dispose]: link.close,
    get state() {
      return link.state
    },
    get bufferedAmount() {
      return link.bufferedAmount
    },
    send(message) {
      let resolve: (outcome: SendOutcome) => void
      const sent = {
        data: toPayload(message),
        state: 'queued' as 'queued' | SendOutcome,
        outcome: new Promise<SendOutcome>((settle) => {
          resolve = settle
        }),
        settle(outcome: SendOutcome) {
          resolve((sent.state = outcome))
        },
      }
      link.post(sent)
      return sent
    },
    request: <Answer>(message: object, options = {}) =>
      requests.send((id) => toPayload({ ...message, id }), options) as Promise<Answer>,
    async *[Symbol.asyncIterator]() {
      const unread: In[] = []
      let wake = (): void => {}
      const off = [
        on('message', (message) => {
          if (unread.push(message) > maxUnreadMessages) {
            unread.shift()
            emit('error', new ClientError('ERR_SLOW_READER', 'A message was dropped'))
          }
          wake()
        }),
        on('closed', () => wake()),
      ]
      try {
        for (;;) {
          while (unread.length) yield unread.shift() as In
          if (link.state.status === 'closed') return
          await new Promise<void>((resolve) => {
            wake = resolve
          })
        }
      } finally {
        for (const stop of off) stop()
      }
    },
  }
}

function encodeJson(message: unknown): string {
  const text = JSON.stringify(message) as string | undefined
  if (text === undefined) throw new TypeError('no JSON value')
  return text
}
