/**
 * React hooks for the client.
 * @module @tideway/client/react
 */

import { useEffect, useReducer, useRef, useState, useSyncExternalStore } from 'react'
import type { TidewayClient, ClientOptions } from './client.ts'
import { connect } from './connect.ts'
import { secondsLeft, type ConnectionState } from './state.ts'

/** The options of {@link useSocket}. */
export interface UseSocketOptions<Out = unknown, In = unknown> extends ClientOptions<Out, In> {
  /** Called for each message that does not answer a request. May be a new function at each render. */
  readonly onMessage?: (message: In) => void
}

/**
 * Returns a client with the lifetime of the component. It connects after the first render and closes on unmount. A new
 * client replaces it if `url` changes and is not a function. `undefined` in the first render and during server rendering.
 * All options except `onMessage` are read once, when the client is created.
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
  // A function differs at each render, and the client calls it at each attempt: it must not cause a new client.
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

/** The state that a component displays. */
export type SocketState = ConnectionState & {
  /** The whole seconds until the next attempt, as a countdown; 0 in every other state. */
  readonly secondsLeft: number
}

const notYet: ConnectionState = { status: 'connecting', attempt: 1 }

/** Returns the state of a client. The component renders at each change, and once per second during the countdown. */
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
