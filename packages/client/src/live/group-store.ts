import { createEmitter } from '../emitter.ts'
import type { EventsOf, FamilyName, LiveConsumerClass, PersonOf } from './consumer-types.ts'
import type { LiveClient } from './live-client.ts'
import type { People } from './people.ts'
import type { GroupEventOf, GroupState, JoinOptions, LiveGroup } from './live-group.ts'

/** The options of {@link groupStore}. */
export interface GroupStoreOptions<Event = unknown> extends Omit<JoinOptions, 'persist'> {
  /** The number of the newest events to get first, as in {@link JoinOptions}. @default 50 */
  readonly last?: number
  /** The maximum number of events in the value. Beyond it, the oldest is dropped. @default 100 */
  readonly maxEvents?: number
  /** Called for each event, also for a volatile one, which is not in the value. @default none */
  readonly onEvent?: (event: Event) => void
}

/** What a component shows of a group. Every change creates a new object. */
export interface GroupView<Event = unknown, Person = unknown> {
  /** The newest events that are not volatile, oldest first. Empty after a reset. */
  readonly events: readonly Event[]
  readonly state: GroupState
  /** The application's state before the events. `undefined` if the consumer has no `snapshot()`. */
  readonly snapshot: unknown
  /** The people in the group. `undefined` until the join, and for a group without presence. */
  readonly people: People<Person> | undefined
  /** Why the server refused or ended the join. */
  readonly left: { readonly code: string; readonly message: string } | undefined
}

/** A group as a value with subscribers: the contract of Svelte's stores, and of React's `useSyncExternalStore`. */
export interface GroupStore<Event, Person = unknown> {
  /**
   * Calls the listener now and at each change, once for all events of a replay. Returns a function that ends it. The first
   * subscriber joins the group, and the last one leaves it.
   */
  subscribe(listener: (value: GroupView<Event, Person>) => void): () => void
  /** Returns the value, the same object until the next change. */
  get(): GroupView<Event, Person>
}

/** The value before the join. */
export const emptyView: GroupView<never, never> = {
  events: [],
  state: 'joining',
  snapshot: undefined,
  people: undefined,
  left: undefined,
}

/**
 * Creates a store of a group. Has no effect until the first `subscribe`.
 * @example
 * const lobby = groupStore(chat, 'room', 'lobby')
 * const unsubscribe = lobby.subscribe(({ events, state }) => render(events, state))
 */
export function groupStore<Consumer extends LiveConsumerClass, Family extends FamilyName<Consumer>>(
  client: LiveClient<Consumer>,
  family: Family,
  id: string | number,
  options: GroupStoreOptions<GroupEventOf<EventsOf<Consumer, Family>>> = {},
): GroupStore<GroupEventOf<EventsOf<Consumer, Family>>, PersonOf<Consumer, Family>> {
  type View = GroupView<GroupEventOf<EventsOf<Consumer, Family>>, PersonOf<Consumer, Family>>
  const { maxEvents = 100, onEvent, ...joinOptions } = options
  const { on, emit } = createEmitter<{ change: View }>()
  let value: View = emptyView
  let group: LiveGroup<EventsOf<Consumer, Family>, PersonOf<Consumer, Family>> | undefined
  let subscribers = 0

  const show = (changes: Partial<View>): void => {
    value = { ...value, ...changes }
    emit('change', value)
  }

  const set = (changes: Partial<View>): void => {
    value = { ...value, ...changes }
    // The events of a replay come one by one, and are shown together.
    if (value.state !== 'replaying') emit('change', value)
  }

  const join = (): void => {
    value = emptyView
    if (client.state.status === 'closed') return show({ state: 'left' })
    // The compiler does not know that the family has events.
    const joined = client.join(family, id, { last: 50, ...joinOptions }) as unknown as LiveGroup<
      EventsOf<Consumer, Family>,
      PersonOf<Consumer, Family>
    >
    joined.onAny((event) => {
      onEvent?.(event)
      if (event.position !== undefined) set({ events: [...value.events, event].slice(-maxEvents) })
    })
    joined.on('reset', () => set({ events: [], snapshot: undefined }))
    joined.on('snapshot', (snapshot) => set({ snapshot }))
    joined.on('presence', (people) => set({ people }))
    joined.on('left', (left) => set({ left }))
    joined.on('state', (state) => set({ state }))
    group = joined
    return show({ state: joined.state })
  }

  return {
    get: () => value,
    subscribe(listener) {
      const off = on('change', listener)
      let isSubscribed = true
      if (++subscribers === 1) join()
      else listener(value)
      return () => {
        off()
        if (isSubscribed && --subscribers === 0) group?.leave()
        isSubscribed = false
      }
    },
  }
}
