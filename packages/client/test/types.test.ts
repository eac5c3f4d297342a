import { connect, type TidewayClient, type WebSocketConstructor } from '@tideway/client'
import { useSocket, useSocketState } from '@tideway/client/react'
import { describe, expectTypeOf, it } from 'vitest'
import type { WebSocket as UndiciWebSocket } from 'undici'
import type { WebSocket as WsWebSocket } from 'ws'

type ClientToServer = { type: 'say'; text: string } | { type: 'typing' }
type ServerToClient = { type: 'said'; text: string; user: string } | { type: 'who'; users: string[] }

describe('The types of the client', () => {
  it('accept and deliver the message types of the application', () => {
    // Never called: what counts is that it compiles.
    const use = async (): Promise<void> => {
      const socket = connect<ClientToServer, ServerToClient>('/ws/')
      socket.on('message', (message) => expectTypeOf(message).toEqualTypeOf<ServerToClient>())
      socket.on('reconnecting', ({ attempt, retryAt }) => expectTypeOf([attempt, retryAt]).toEqualTypeOf<number[]>())
      // @ts-expect-error -- no such event
      socket.on('disconnected', () => {})
      socket.send({ type: 'say', text: 'hello' })
      // @ts-expect-error -- no such message
      socket.send({ type: 'shout', text: 'hello' })
      expectTypeOf(await socket.request({ type: 'typing' })).toEqualTypeOf<ServerToClient>()
      expectTypeOf(await socket.request<{ ok: boolean }>({ type: 'typing' })).toEqualTypeOf<{ ok: boolean }>()
      // @ts-expect-error -- a field is missing
      await socket.request({ type: 'say' })
      for await (const message of socket) expectTypeOf(message).toEqualTypeOf<ServerToClient>()
      const inReact = useSocket<ClientToServer, ServerToClient>('/ws/', { onMessage: ({ type }) => type })
      expectTypeOf(inReact).toEqualTypeOf<TidewayClient<ClientToServer, ServerToClient> | undefined>()
      expectTypeOf(useSocketState(inReact).secondsLeft).toEqualTypeOf<number>()
    }
    expectTypeOf(use).toBeFunction()
  })

  it('accept the WebSocket classes of the DOM, ws and undici', () => {
    const fit = (
      dom: typeof WebSocket,
      ws: typeof WsWebSocket,
      undici: typeof UndiciWebSocket,
    ): WebSocketConstructor[] => [dom, ws, undici]
    expectTypeOf(fit).toBeFunction()
  })
})
