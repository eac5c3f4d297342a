import { createTimer, type Timer } from '../timer.ts'
import { offsetOf, type JoinedFrame, type ResetFrame } from './frames.ts'
import type { Caller, CallerEvents, GroupEvent, GroupState, JoinOptions, SharedJoin } from './live-group.ts'
import { changedPeople, type Asked, type People, type PeopleFrame } from './people.ts'
import type { Session } from './session.ts'
import { storedPosition, storePosition } from './stored-positions.ts'

/** The number of events that the client keeps of each group for later callers. */
const minKept = 100

/** One join on the wire, shared by its callers. */
export interface Join extends SharedJoin {
  state: GroupState
  position: string | undefined
  last: number
  people: People | undefined
  who: Asked
  readonly callers: Set<Caller>
  /** Whether a `join` or a `hello` with the group was sent. */
  isAsked: boolean
  /** The session whose frames count: the latest one that has confirmed the join. */
  owner: Session | undefined
  /** The offset with which the group is live. */
  topOffset: number
  failures: number
  readonly retry: Timer
  /** The newest events, for later callers. */
  kept: GroupEvent[]
  /** The snapshot, as long as `kept` has all events after it. */
  snapshot: { readonly data: unknown } | undefined
  readonly values: Map<string, unknown>
  storageKey: string | undefined
}

/** Creates a join without callers. */
export function createJoin(name: string, since: string | undefined, storageKey: string | undefined): Join {
  return {
    name,
    state: 'joining',
    position: since ?? (storageKey && storedPosition(storageKey)),
    last: 0,
    people: undefined,
    who: false,
    callers: new Set(),
    isAsked: false,
    owner: undefined,
    topOffset: 0,
    failures: 0,
    retry: createTimer(),
    kept: [],
    snapshot: undefined,
    values: new Map(),
    storageKey,
  }
}

/** Passes an event or a change to the callers. */
export function emit<Name extends keyof CallerEvents>({ callers }: Join, name: Name, detail: CallerEvents[Name]): void {
  for (const caller of callers) if (caller.isAttached) caller.emit(name, detail)
}

export function setState(join: Join, state: GroupState): void {
  if (join.state === state) return
  join.state = state
  emit(join, 'state', state)
}

/** Takes a change of the people. */
export function changePeople(join: Join, change: PeopleFrame['w']): void {
  join.people = changedPeople(join.people, change)
  emit(join, 'presence', join.people)
}

export function setPosition(join: Join, position: string | undefined): void {
  join.position = position
  if (join.storageKey !== undefined) storePosition(join.storageKey, position)
}

/** Replaces the position by one that the events do not continue. */
export function restart(join: Join, frame: JoinedFrame | ResetFrame): void {
  setPosition(join, frame.at)
  join.kept = []
  join.snapshot = 'snapshot' in frame ? { data: frame.snapshot } : undefined
}

export function updateState(join: Join): void {
  setState(join, offsetOf(join.position as string) < join.topOffset ? 'replaying' : 'live')
}

/** Passes an event to the callers, and keeps it for later ones. */
export function passOn(join: Join, event: GroupEvent): void {
  join.kept.push(event)
  if (join.kept.length > Math.max(minKept, join.last)) {
    join.kept.shift()
    join.snapshot = undefined
  }
  emit(join, 'event', event)
}

/** Changes the value of a key; `undefined` deletes it. */
export function setValue(join: Join, key: string, value: unknown): void {
  if (value === undefined) join.values.delete(key)
  else join.values.set(key, value)
  emit(join, 'value', { key, value })
}

/** Passes the snapshot or the values of the server to the callers. */
export function showState(join: Join, { recovered, values }: JoinedFrame | ResetFrame): void {
  if (!recovered && join.snapshot) emit(join, 'snapshot', join.snapshot.data)
  if (values) {
    for (const key of join.values.keys()) if (!Object.hasOwn(values, key)) setValue(join, key, undefined)
    for (const [key, value] of Object.entries(values)) setValue(join, key, value)
  }
  updateState(join)
}

/** Passes to a later caller what the client has kept. */
export function attach(join: Join, caller: Caller, { last = 0, since }: JoinOptions): void {
  caller.isAttached = true
  if (join.position === undefined) return
  let first = Math.max(0, join.kept.length - last)
  let recovered = false
  if (since !== undefined) {
    const index = since === join.position ? join.kept.length : join.kept.findIndex((one) => one.position === since) + 1
    recovered = since === join.position || index > 0
    if (recovered) first = index
    else caller.emit('reset', { why: 'behind' })
  }
  if (join.snapshot && !recovered) {
    first = 0
    caller.emit('snapshot', join.snapshot.data)
  }
  for (const [key, value] of join.values) caller.emit('value', { key, value })
  const events = join.kept.slice(first)
  if (join.owner) caller.emit('joined', { position: join.position, recovered })
  if (join.people) caller.emit('presence', join.people)
  for (const event of events) caller.emit('event', event)
}
