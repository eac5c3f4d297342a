import { createEmitter, type Emitter } from '../emitter.ts'
import { ClientError } from '../errors.ts'
import type { EventFrame, ResetReason } from './frames.ts'
import type { People } from './people.ts'
import type { EventData, EventDeclaration, EventPosition, GroupDeclaration, ValueOf } from './consumer-types.ts'

/** The options of a join. */
export interface JoinOptions {
  /**
   * The number of the newest events to get first, without `since` or if the log does not continue it: 0 to 10,000. A later
   * caller of a group that is joined gets at most what the client has kept: the newest 100 events, or the largest `last`
   * of the earlier callers. @default 0
   */
  readonly last?: number
  /** The position after which the events begin, for example that of a page that the server rendered. @default none */
  readonly since?: string
  /**
   * `session` keeps the position in `sessionStorage`, and a reloaded page continues there. Use it only if the page also keeps
   * what it shows: otherwise it does not show the events before the reload. @default none
   */
  readonly persist?: 'session'
  /**
   * What the page gets of the people in a group with presence. `list`: the list also of a group with more than 1,000 people.
   * `count`: their number. `false`: nothing. Callers that share a join get what one of them asks for. @default the list of a group
   * with at most 1,000 people, otherwise the number
   */
  readonly who?: 'list' | 'count' | false
}

/**
 * The state of a joined group. `joining`: the server has not confirmed the join on this connection. `replaying`: missed events
 * arrive. `live`: the group has all events. `left`: by `leave()`, or because the server refused or ended the join.
 */
export type GroupState = 'joining' | 'replaying' | 'live' | 'left'

/** The source of an event. */
export interface EventSource<Position = string | undefined> {
  /** The group, as `family.id`. */
  readonly group: string
  /** The position of the event, as `epoch:offset`. `undefined` if the event is volatile. */
  readonly position: Position
  /** The `id` with which the event was published, or that of the request whose handler published it. */
  readonly id: string | undefined
}

/** One event of a group. */
export interface GroupEvent<
  Name = string,
  Data = unknown,
  Position = string | undefined,
> extends EventSource<Position> {
  readonly name: Name
  readonly data: Data
}

/** An event of a group with these declarations. */
export type GroupEventOf<Events extends Readonly<Record<string, EventDeclaration>>> = {
  [Name in keyof Events & string]: GroupEvent<Name, EventData<Events[Name]>, EventPosition<Events[Name]>>
}[keyof Events & string]

/** What happens to a join, and the argument of each listener. */
export interface GroupLifecycle<Person = unknown> {
  /** The people in the group have changed, or the server has confirmed the join. Only of a group with presence. */
  presence: People<Person>
  /** The server confirmed the join, on the first connection or a later one. */
  joined: { readonly position: string; readonly recovered: boolean }
  /** The group has continued its position after an interruption: no event was missed. */
  recovered: undefined
  /** The events do not continue what the listeners received. The page discards it. A snapshot and the newest events follow. */
  reset: { readonly why: ResetReason }
  /** The application's state at this position. Only of a consumer with `snapshot()`. */
  snapshot: unknown
  /** The server refused or ended the join. The client does not repeat it. */
  left: { readonly code: string; readonly message: string }
  /** The state changed. */
  state: GroupState
}

/**
 * A group that a page has joined. `for await` iterates over the events from then on, until the group is left; it is at most
 * 1,000 events behind, and then drops the oldest one with an `ERR_SLOW_READER` of the client.
 */
export interface LiveGroup<Events extends Readonly<Record<string, EventDeclaration>>, Person = unknown>
  extends AsyncIterable<GroupEventOf<Events>>, Disposable {
  /** The name on the wire, as `family.id`. */
  readonly name: string
  readonly state: GroupState
  /** The position up to which the listeners have received everything. `undefined` until the join. */
  readonly position: string | undefined
  /** The people in the group. `undefined` until the join, and for a group without presence. */
  readonly people: People<Person> | undefined
  /** Adds a listener of a change of the join. Returns a function that removes it. */
  on<Name extends keyof GroupLifecycle>(
    name: Name,
    listener: (detail: GroupLifecycle<Person>[Name]) => unknown,
  ): () => void
  /**
   * Adds a listener of an event. Returns a function that removes it. Add listeners in the same task as the join. An event with
   * the name of a change above, or `value`, is available from `onAny` only.
   */
  on<Name extends Exclude<keyof Events & string, keyof GroupLifecycle | 'value'>>(
    name: Name,
    listener: (data: EventData<Events[Name]>, at: EventSource<EventPosition<Events[Name]>>) => unknown,
  ): () => void
  /** Adds a listener of all events. Returns a function that removes it. */
  onAny(listener: (event: GroupEventOf<Events>) => unknown): () => void
  /** Leaves the group. The server is told once all callers have left. */
  leave(): void
}

/** A group with values that a page has joined. A page that is slower than its group gets the newest value of each key. */
export interface LiveState<Value> extends Disposable {
  /** The name on the wire, as `family.id`. */
  readonly name: string
  readonly state: GroupState
  /** The position of {@link values}. `undefined` until the join. */
  readonly position: string | undefined
  /** The value of each key now: the same map, which changes. Empty until the join, and complete after each `joined` and `reset`. */
  readonly values: ReadonlyMap<string, Value>
  /** Adds a listener of a change of the join. Returns a function that removes it. */
  on<Name extends Exclude<keyof GroupLifecycle, 'presence' | 'snapshot'>>(
    name: Name,
    listener: (detail: GroupLifecycle[Name]) => unknown,
  ): () => void
  /**
   * Adds a listener of changes: it is called with the value of each key of the first join, of each changed key, and with
   * `undefined` for a key whose value was deleted. {@link values} has the change already. Returns a function that removes it.
   */
  on(name: 'value', listener: (value: Value | undefined, key: string) => unknown): () => void
  /** Leaves the group. The server is told once all callers have left. */
  leave(): void
}

/** The group of a declaration: with values, or with events. */
export type JoinedGroup<Declared extends GroupDeclaration, Person = unknown> = Declared extends {
  readonly state: unknown
}
  ? LiveState<ValueOf<Declared>>
  : Declared extends { readonly events: infer Events extends Readonly<Record<string, EventDeclaration>> }
    ? LiveGroup<Events, Person>
    : never

/** The number of unread events of a `for await` loop. */
const maxUnread = 1_000

/** What a caller receives. */
export interface CallerEvents extends GroupLifecycle {
  /** An event of the group: not one of the names of the wire. */
  event: GroupEvent
  /** A change of a key. */
  value: { readonly key: string; readonly value: unknown }
}

/** One caller of `join()`: its listeners, and what the shared join passes to it. */
export interface Caller {
  readonly group: LiveGroup<Readonly<Record<string, EventDeclaration>>> & Pick<LiveState<unknown>, 'values'>
  readonly emit: Emitter<CallerEvents>['emit']
  /** Whether the caller gets what arrives. A later caller first gets what the client has kept. */
  isAttached: boolean
}

/** The parts of the shared join that a caller uses. */
export interface SharedJoin {
  readonly people: People | undefined
  readonly name: string
  readonly state: GroupState
  readonly position: string | undefined
  readonly values: ReadonlyMap<string, unknown>
}

const lifecycle = ['presence', 'joined', 'recovered', 'reset', 'snapshot', 'left', 'state']

/** Creates a caller of the join. `onLeave` is called once. */
export function createCaller(join: SharedJoin, onLeave: () => void, onError: (error: ClientError) => void): Caller {
  const { on, emit } = createEmitter<CallerEvents>()
  let hasLeft = false
  let position = join.position
  const leave = (): void => {
    if (hasLeft) return
    position = join.position
    hasLeft = true
    onLeave()
    emit('state', 'left')
  }
  const onAny = (listener: (event: never) => unknown): (() => void) =>
    on('event', (event) => !hasLeft && listener(event as never))
  return {
    emit,
    isAttached: false,
    group: {
      name: join.name,
      get state() {
        return hasLeft ? 'left' : join.state
      },
      get position() {
        return hasLeft ? position : join.position
      },
      get people() {
        return hasLeft ? undefined : join.people
      },
      leave,
      [Symbol.dispose]: leave,
      values: join.values,
      onAny,
      on: (name: string, listener: (...details: never[]) => unknown) =>
        lifecycle.includes(name)
          ? on(name as keyof GroupLifecycle, listener as never)
          : name === 'value'
            ? on(name, ({ value, key }) => !hasLeft && listener(value as never, key as never))
            : onAny(({ name: of, data, ...at }: GroupEvent) => of === name && listener(data as never, at as never)),
      async *[Symbol.asyncIterator]() {
        const unread: GroupEvent[] = []
        let wake = (): void => {}
        const off = [
          onAny((event) => {
            if (unread.push(event) > maxUnread) {
              unread.shift()
              onError(new ClientError('ERR_SLOW_READER', 'An event was dropped'))
            }
            wake()
          }),
          on('state', () => wake()),
        ]
        try {
          for (;;) {
            while (unread.length) yield unread.shift() as never
            if (hasLeft || join.state === 'left') return
            await new Promise<void>((resolve) => {
              wake = resolve
            })
          }
        } finally {
          for (const stop of off) stop()
        }
      },
    },
  }
}

/** The event of a frame. */
export function eventOf({ g, at, e, d, id }: EventFrame): GroupEvent {
  return { name: e, data: d, group: g, position: at, id }
}
