/**
 * React hooks for the client.
 * @module @tideway/client/react
 */

import { useEffect, useMemo, useReducer, useRef, useState, useSyncExternalStore } from 'react'
import type { TidewayClient, ClientOptions } from './client.ts'
import { connect } from './connect.ts'
import { connectLive } from './live/connect-live.ts'
import type { EventsOf, FamilyName, LiveConsumerClass, PersonOf, UntypedConsumer } from './live/consumer-types.ts'
import { emptyView, groupStore, type GroupStoreOptions, type GroupView } from './live/group-store.ts'
import type { LiveClient, LiveOptions } from './live/live-client.ts'
import type { GroupEventOf } from './live/live-group.ts'
import { emptyValues, valueStore, type ValuesOf, type ValuesView } from './live/value-store.ts'
import type { ValueOrProvider } from './options.ts'
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
  const latest = useRef(options)
  useEffect(() => {
    latest.current = options
  })
  return useClient(url, () => {
    const client = connect<Out, In>(url, options)
    client.on('message', (message) => latest.current.onMessage?.(message))
    return client
  })
}

/** Returns what `create` of the first render with this URL makes, and closes it on unmount. */
function useClient<Client extends { close(): void }>(
  url: ValueOrProvider<string | URL>,
  create: () => Client,
): Client | undefined {
  const [client, setClient] = useState<Client>()
  const latest = useRef(create)
  useEffect(() => {
    latest.current = create
  })
  // A function differs at each render, and the client calls it at each attempt: it must not cause a new client.
  const address = typeof url === 'function' ? undefined : String(url)
  useEffect(() => {
    const created = latest.current()
    setClient(() => created)
    return () => {
      created.close()
      setClient(undefined)
    }
  }, [address])
  return client
}

/** The state that a component displays. */
export type SocketState = ConnectionState & {
  /** The whole seconds until the next attempt, as a countdown; 0 in every other state. */
  readonly secondsLeft: number
}

/** A client of `connect()` or `connectLive()`. */
export interface StatefulClient {
  readonly state: ConnectionState
  /** Adds a listener of the state. Returns a function that removes it. */
  on(name: 'state', listener: (state: ConnectionState) => unknown): () => void
}

const notYet: ConnectionState = { status: 'connecting', attempt: 1 }

/** Returns the state of a client. The component renders at each change, and once per second during the countdown. */
export function useSocketState(socket: StatefulClient | undefined): SocketState {
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

/**
 * Returns a live client with the lifetime of the component. It connects after the first render and closes on unmount. A new
 * client replaces it if `url` changes and is not a function. `undefined` in the first render and during server rendering.
 * The options are read once, when the client is created.
 */
export function useLive<Consumer extends LiveConsumerClass = UntypedConsumer>(
  url: ValueOrProvider<string | URL>,
  options: LiveOptions = {},
): LiveClient<Consumer> | undefined {
  return useClient(url, () => connectLive<Consumer>(url, options))
}

/** What {@link useGroup} returns. */
export interface UsedGroup<Consumer extends LiveConsumerClass, Event, Person = unknown> extends GroupView<
  Event,
  Person
> {
  /** `request` of the client. `undefined` without a client. */
  readonly request: LiveClient<Consumer>['request'] | undefined
}

/**
 * Joins a group while the component is mounted, and returns its newest events, its state and `request`. The component renders
 * at each event, and once for all events of a replay. Components that use the same group share one join. All options except
 * `onEvent` are read once for each client and group.
 */
export function useGroup<Consumer extends LiveConsumerClass, Family extends FamilyName<Consumer>>(
  client: LiveClient<Consumer> | undefined,
  family: Family,
  id: string | number,
  options: GroupStoreOptions<GroupEventOf<EventsOf<Consumer, Family>>> = {},
): UsedGroup<Consumer, GroupEventOf<EventsOf<Consumer, Family>>, PersonOf<Consumer, Family>> {
  const latest = useRef(options)
  useEffect(() => {
    latest.current = options
  })
  const store = useMemo(
    () =>
      client &&
      groupStore(client, family, id, { ...latest.current, onEvent: (event) => latest.current.onEvent?.(event) }),
    [client, family, id],
  )
  const view = useSyncExternalStore<GroupView<GroupEventOf<EventsOf<Consumer, Family>>, PersonOf<Consumer, Family>>>(
    store?.subscribe ?? subscribeToNothing,
    store?.get ?? getEmptyView,
    getEmptyView,
  )
  return { ...view, request: client?.request }
}

/**
 * Joins a group with values while the component is mounted, and returns its values and its state. The component renders once for
 * all changes of one task. Components that use the same group share one join.
 */
export function useValues<Consumer extends LiveConsumerClass, Family extends FamilyName<Consumer>>(
  client: LiveClient<Consumer> | undefined,
  family: Family,
  id: string | number,
): ValuesView<ValuesOf<Consumer, Family>> {
  const store = useMemo(() => client && valueStore(client, family, id), [client, family, id])
  return useSyncExternalStore<ValuesView<ValuesOf<Consumer, Family>>>(
    store?.subscribe ?? subscribeToNothing,
    store?.get ?? getEmptyValues,
    getEmptyValues,
  )
}

const subscribeToNothing = (): (() => void) => () => {}
const getEmptyValues = (): ValuesView<never> => emptyValues
const getEmptyView = (): GroupView<never, never> => emptyView
