import { fullJitterMs, type BackoffOptions } from '../backoff.ts'
import { ClientError } from '../errors.ts'
import {
  offsetOf,
  type EventFrame,
  type JoinedFrame,
  type ResetFrame,
  type ServerFrame,
  type ValueFrame,
} from './frames.ts'
import { createCaller, eventOf, type Caller, type JoinOptions } from './live-group.ts'
import { strongest } from './people.ts'
import { temporary } from './live-requests.ts'
import { write, type Session } from './session.ts'
import {
  attach,
  changePeople,
  createJoin,
  emit,
  passOn,
  restart,
  setPosition,
  setState,
  setValue,
  showState,
  updateState,
  type Join,
} from './shared-join.ts'

/** The maximum of `last` (docs/spec/live.md). */
const maxLast = 10_000

/** A frame about a group. */
export type GroupFrame = Extract<ServerFrame, { readonly g: string }>

/** The parts of the client that the joins use. */
export interface JoinsHost {
  /** The current session, and the next one during a move. */
  sessions(): readonly Session[]
  onError(error: ClientError): void
  readonly backoff: Required<BackoffOptions>
  random(): number
  /** The prefix of the keys of stored positions. */
  readonly storagePrefix: string
}

/** All joined groups of a client. */
export interface Joins {
  readonly gaps: number
  join(name: string, options: JoinOptions): Caller['group']
  /** Sends the joins and leaves of this task, so that a request can follow them. */
  flush(): void
  /** Writes `hello` on a new connection, and marks the session as ready. */
  greet(session: Pick<Session, 'isReady' | 'waiting'>, send: (text: string) => void): void
  onFrame(session: Session, frame: GroupFrame): void
  onLost(session: Session): void
  close(): void
}

/** Creates an empty table of groups. */
export function createJoins(host: JoinsHost): Joins {
  const table = new Map<string, Join>()
  /** The groups that callers have joined or left in this task. */
  const changed = new Set<string>()
  let gaps = 0

  const fromOf = ({ position, last, who }: Join): object => ({ since: position, last: last || undefined, who })

  const ask = (session: Session, join: Join): void => {
    session.waiting.add(join.name)
    write(session, { t: 'join', g: join.name, ...fromOf(join) })
  }

  const leave = (session: Session, name: string): void => {
    if (!session.isReady) return
    session.waiting.delete(name)
    session.leaving.set(name, (session.leaving.get(name) ?? 0) + 1)
    write(session, { t: 'leave', g: name })
  }

  const remove = (join: Join): void => {
    table.delete(join.name)
    join.retry.clear()
    setPosition(join, undefined)
    join.people = undefined
  }

  const flush = (): void => {
    for (const name of changed) {
      changed.delete(name)
      const join = table.get(name)
      if (join?.callers.size === 0) {
        remove(join)
        if (join.isAsked) for (const session of host.sessions()) leave(session, name)
      } else if (join && !join.isAsked) {
        for (const session of host.sessions()) {
          if (!session.isReady) continue
          join.isAsked = true
          ask(session, join)
        }
      }
    }
  }

  const change = (name: string): void => {
    // At the end of the task: a component that is replaced by another one of the same group causes no frame.
    if (changed.size === 0) queueMicrotask(flush)
    changed.add(name)
  }

  const onJoined = (session: Session, join: Join, frame: JoinedFrame): void => {
    session.waiting.delete(join.name)
    // After a move, the earlier session may still confirm its own join.
    if (join.owner && session.number < join.owner.number) return
    const wasInterrupted = join.state === 'joining' && join.position !== undefined
    const hadPosition = join.position !== undefined
    join.owner = session
    join.failures = 0
    join.retry.clear()
    join.topOffset = offsetOf(frame.top)
    // Recovered: the position may be ahead of the frame already, by the events of the earlier session.
    if (!frame.recovered) restart(join, frame)
    if (!frame.recovered && hadPosition) emit(join, 'reset', { why: frame.why ?? 'refused' })
    if (frame.recovered && wasInterrupted) emit(join, 'recovered', undefined)
    showState(join, frame)
    emit(join, 'joined', { position: join.position as string, recovered: frame.recovered })
    // The list as it is now: it replaces the one of the last connection.
    if (frame.who) changePeople(join, { list: {}, ...frame.who })
    else join.people = undefined
  }

  const onReset = (join: Join, frame: ResetFrame): void => {
    restart(join, frame)
    join.topOffset = offsetOf(frame.at)
    emit(join, 'reset', { why: frame.why })
    showState(join, frame)
  }

  const onLeft = (session: Session, join: Join, code = '', message = ''): void => {
    if (join.owner && session.number < join.owner.number) return
    if (temporary.includes(code)) {
      session.waiting.add(join.name)
      if (join.owner === session) join.owner = undefined
      if (!join.owner) setState(join, 'joining')
      join.retry.set(fullJitterMs(++join.failures, host.backoff, host.random), () => {
        for (const one of host.sessions()) if (one.waiting.has(join.name)) ask(one, join)
      })
      return
    }
    for (const one of host.sessions()) if (one !== session) leave(one, join.name)
    session.waiting.delete(join.name)
    remove(join)
    setState(join, 'left')
    emit(join, 'left', { code, message })
  }

  const onEvent = (session: Session, join: Join, frame: EventFrame | ValueFrame): void => {
    const isValue = 'k' in frame
    if (frame.at === undefined) {
      // During a move both sessions send it, and it has no offset to tell them apart.
      if (session === join.owner) emit(join, 'event', eventOf(frame as EventFrame))
      return
    }
    if (join.position === undefined) return
    const step = offsetOf(frame.at) - offsetOf(join.position)
    // Only the newest change of each key is sent, so their offsets have holes.
    if (step === 1 || (isValue && step > 0)) {
      join.position = frame.at
      if (isValue) setValue(join, frame.k, frame.d)
      else if (frame.e !== '') passOn(join, eventOf(frame))
      // After the listeners: if one of them keeps what the page shows, the stored position is never ahead of it.
      setPosition(join, frame.at)
      if (join.state === 'replaying') updateState(join)
    } else if (step > 1 && session === join.owner && !session.waiting.has(join.name)) {
      gaps++
      setState(join, 'joining')
      host.onError(new ClientError('ERR_GAP', `${join.name}: ${frame.at} after ${join.position}`))
      ask(session, join)
    }
  }

  return {
    get gaps() {
      return gaps
    },
    flush,
    join(name, options) {
      const { last = 0, since, persist, who } = options
      if (!(last >= 0 && last <= maxLast)) throw new ClientError('ERR_BAD_OPTION', 'last')
      const storageKey = persist && `${host.storagePrefix} ${name}`
      const existing = table.get(name)
      const join = existing ?? createJoin(name, since, storageKey)
      table.set(name, join)
      join.last = Math.max(join.last, last)
      join.storageKey ??= storageKey
      const asked = existing ? strongest(join.who, who) : who
      // A caller that asks for more than the earlier ones joins again, from the position of the join.
      if (asked !== join.who) join.isAsked = false
      join.who = asked
      const caller = createCaller(
        join,
        () => {
          join.callers.delete(caller)
          if (table.get(name) === join) change(name)
        },
        host.onError,
      )
      join.callers.add(caller)
      if (existing) queueMicrotask(() => join.callers.has(caller) && attach(join, caller, options))
      else caller.isAttached = true
      change(name)
      return caller.group
    },
    greet(session, send) {
      // Before the session is ready: `hello` has all groups, and none that was left.
      flush()
      session.isReady = true
      const groups: Record<string, object> = {}
      for (const join of table.values()) {
        join.isAsked = true
        session.waiting.add(join.name)
        groups[join.name] = fromOf(join)
      }
      send(JSON.stringify({ t: 'hello', v: 1, groups }))
    },
    onFrame(session, frame) {
      const leaving = session.leaving.get(frame.g)
      if (leaving) {
        // A `left` with a code is about the join before the `leave`.
        if (frame.t === 'left' && frame.code === undefined) session.leaving.set(frame.g, leaving - 1)
        return
      }
      const join = table.get(frame.g)
      if (!join) return
      if ('w' in frame) {
        if (session === join.owner) changePeople(join, frame.w)
      } else if (frame.t === undefined) onEvent(session, join, frame)
      else if (frame.t === 'joined') onJoined(session, join, frame)
      else if (frame.t === 'left') onLeft(session, join, frame.code, frame.message)
      else if (session === join.owner) onReset(join, frame)
    },
    onLost(session) {
      session.isReady = session.hasGreeted = false
      session.waiting.clear()
      session.leaving.clear()
      for (const join of table.values()) {
        if (join.owner && join.owner !== session) continue
        // The next session of a move was lost: the current one still has the group.
        join.owner = host.sessions().find((one) => one !== session && one.isReady && !one.waiting.has(join.name))
        if (join.owner) continue
        join.retry.clear()
        setState(join, 'joining')
      }
    },
    close() {
      for (const join of table.values()) {
        join.retry.clear()
        setState(join, 'left')
      }
      table.clear()
    },
  }
}
