import type { ClientEvents, ClientOptions, TidewayClient } from './client.ts'
import { createEmitter } from './emitter.ts'
import { ClientError } from './errors.ts'
import { createLink } from './link.ts'
import { resolveOptions, type Provided } from './options.ts'
import type { Outcome } from './outbox.ts'
import { createRequests } from './requests.ts'
import type { Payload } from './web-socket-port.ts'

/**
 * Connects to a WebSocket server, and comes back by itself until it is closed, by `close()` or by a close code that
 * means stop. `Out` and `In` are the application's own types of messages, best shared with the consumer.
 *
 * Throws at once what no second attempt would mend: `ERR_BAD_URL`, `ERR_NO_WEBSOCKET`, `ERR_BAD_OPTION`.
 *
 * @example
 * const socket = connect<ClientToServer, ServerToClient>('/ws/chat/lobby/')
 * socket.on('message', ({ message }) => show(message))
 * socket.send({ message: 'Hello' })
 */
export function connect<Out = unknown, In = unknown>(
  url: Provided<string | URL>,
  options: ClientOptions<Out, In> = {},
): TidewayClient<Out, In> {
  const {
    hello,
    encode = encodeJson,
    // Of a binary message it makes a SyntaxError, which is what it is to be.
    decode = JSON.parse as (data: string | ArrayBuffer) => In,
    maxUnreadMessages = 1_000,
  } = options
  const { on, emit } = createEmitter<ClientEvents<In>>()

  const toPayload = (message: Parameters<typeof encode>[0]): Payload => {
    try {
      return encode(message)
    } catch (cause) {
      throw new ClientError('ERR_BAD_MESSAGE', String(cause), cause)
    }
  }

  const resolved = resolveOptions(url, options)
  const link = createLink(resolved, {
    state(state) {
      if (state.status === 'closed') requests.close()
      emit('state', state)
      // A listener may have changed it again.
      if (state === link.state && state.status !== 'connecting') emit(state.status, state)
    },
    message(data) {
      const message = decode(data as string | ArrayBuffer)
      if (!requests.answer(message)) emit('message', message)
    },
    hello() {
      const message = hello?.()
      return message === undefined ? undefined : toPayload(message)
    },
    drained: () => emit('drained', undefined),
    lost: (code) => requests.connectionLost(code),
    error: (error) => emit('error', error),
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
      let resolve: (outcome: Outcome) => void
      const sent = {
        data: toPayload(message),
        state: 'queued' as 'queued' | Outcome,
        outcome: new Promise<Outcome>((settle) => {
          resolve = settle
        }),
        settle(outcome: Outcome) {
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
