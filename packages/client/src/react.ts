/**
 * The client as hooks of React.
 * @module @tideway/client/react
 */

import { useEffect, useReducer, useRef, useState, useSyncExternalStore } from 'react'
import type { TidewayClient, ClientOptions } from './client.ts'
import { connect } from './connect.ts'
import { secondsLeft, type ConnectionState } from './state.ts'

/** The options of {@link useSocket}. */
export interface UseSocketOptions<Out = unknown, In = unknown> extends ClientOptions<Out, In> {
  /** Called with each message that is not the answer to a request. May be another function at each render. */
  readonly onMessage?: (message: In) => void
}

/**
 * A client that lives as long as the component: connected after the first render, closed when it is unmounted, another
 * one when a `url` that is no function changes. `undefined` before that, and during server rendering. All options except
 * `onMessage` are read once, when the client is created.
 */
export function useSocket<Out = unknown, In = unknown>(
  url: Parameters<typeof connect>[0],
  options: UseSocketOptions<Out, In> = {},
): TidewayClient<Out, In> | undefined {
  const [socket, setSocket] = useState<TidewayClient<Out, In>>()
  const latest = useRef({ url, options })
  useEffect(() => {
    latest.current = { url, options }
  })
  // A function is another one at each render: it says where to go at each attempt, not that the client should change.
  const address = typeof url === 'function' ? undefined : String(url)
  useEffect(() => {
    const client = connect<Out, In>(latest.current.url, latest.current.options)
    client.on('message', (message) => latest.current.options.onMessage?.(message))
    setSocket(client)
    return () => {
      client.close()
      setSocket(undefined)
    }
  }, [address])
  return socket
}

/** A state for a component to show. */
export type SocketState = ConnectionState & {
  /** The whole seconds until the next attempt, counted down; 0 in every other state. */
  readonly secondsLeft: number
}

const notYet: ConnectionState = { status: 'connecting', attempt: 1 }

/** The state of a client; the component renders at each change, and once a second while it counts down. */
export function useSocketState(socket: Pick<TidewayClient, 'state' | 'on'> | undefined): SocketState {
  const state = useSyncExternalStore(
    (changed) => socket?.on('state', changed) ?? (() => {}),
    () => socket?.state ?? notYet,
    () => notYet,
  )
  const [, render] = useReducer((count: number) => count + 1, 0)
  const isCounting = state.status === 'reconnecting'
  useEffect(() => {
    if (!isCounting) return undefined
    const timer = setInterval(render, 1_000)
    return () => clearInterval(timer)
  }, [isCounting])
  return { ...state, secondsLeft: secondsLeft(state) }
}
