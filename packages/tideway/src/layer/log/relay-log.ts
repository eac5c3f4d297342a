import { surveyDefaults, type AnswerSurvey, type GroupSurvey } from './group-survey.ts'
import type { PresenceStore } from '../presence/presence-store.ts'
import type { AnswerStore } from './answer-store.ts'
import type {
  Appended,
  AppendOptions,
  EventLog,
  LogSink,
  ReadOptions,
  ReadResult,
  SetOptions,
  SetResult,
  StateRead,
  ValuesOptions,
} from './event-log.ts'

/** An {@link EventLog} with presence. */
export type FullEventLog = EventLog & { readonly presence: PresenceStore }

/**
 * Passes all calls to another log, which `replace` exchanges: followers, watchers and listeners stay. For them the log has lost its
 * entries, so they read the other one.
 */
export class RelayLog implements FullEventLog {
  readonly answers: AnswerStore
  readonly presence: PresenceStore
  readonly survey: GroupSurvey
  readonly #sinks = new Map<string, LogSink>()
  readonly #gapListeners = new Set<() => void>()
  #answerSurvey: AnswerSurvey | undefined
  #isListening = false
  #target: FullEventLog
  #removeGapListener: () => void

  constructor(target: FullEventLog) {
    this.#target = target
    this.#removeGapListener = target.onGap(this.#reportGap)
    this.answers = {
      claim: (key, owner, ttlMs) => this.#target.answers.claim(key, owner, ttlMs),
      answer: (key, answer, ttlMs) => this.#target.answers.answer(key, answer, ttlMs),
    }
    this.survey = {
      answerWith: (answer) => {
        this.#answerSurvey = answer
        this.#target.survey?.answerWith(answer)
      },
      listen: () => {
        this.#isListening = true
        this.#target.survey?.listen()
      },
      run: async (waitMs, options) => {
        const { survey } = this.#target
        if (survey !== undefined) return survey.run(waitMs, options)
        const own = this.#answerSurvey?.(options?.maxGroups ?? surveyDefaults.maxGroups)
        return { processes: 1, answers: own === undefined ? [] : [own] }
      },
    }
    this.presence = {
      announce: (process, groups, options) => this.#target.presence.announce(process, groups, options),
      enter: (group, process, writes) => this.#target.presence.enter(group, process, writes),
      leave: (...args) => this.#target.presence.leave(...args),
      settle: (group, process, members) => this.#target.presence.settle(group, process, members),
      beat: (process, options) => this.#target.presence.beat(process, options),
      retire: (process, remainingMs) => this.#target.presence.retire(process, remainingMs),
      sweep: (options) => this.#target.presence.sweep(options),
      bury: (process) => this.#target.presence.bury(process),
      who: (group, limit) => this.#target.presence.who(group, limit),
    }
  }

  /** Passes all later calls to this log. Followers read it, and are reset, because it has other epochs. */
  replace(target: FullEventLog): void {
    this.#removeGapListener()
    for (const group of this.#sinks.keys()) this.#target.unwatch(group)
    this.#target = target
    this.#removeGapListener = target.onGap(this.#reportGap)
    if (this.#answerSurvey !== undefined) target.survey?.answerWith(this.#answerSurvey)
    if (this.#isListening) target.survey?.listen()
    // A failed watch is restored by the log, which reports a gap then.
    for (const [group, sink] of this.#sinks) target.watch(group, sink).catch(() => {})
    this.#reportGap()
  }

  append(group: string, body: string, options: AppendOptions): Promise<Appended> {
    return this.#target.append(group, body, options)
  }

  send(group: string, body: string): Promise<void> {
    return this.#target.send(group, body)
  }

  read(group: string, options: ReadOptions): Promise<ReadResult> {
    return this.#target.read(group, options)
  }

  set(group: string, key: string, body: string, options: SetOptions): Promise<SetResult> {
    return this.#target.set(group, key, body, options)
  }

  values(group: string, options: ValuesOptions): Promise<StateRead> {
    return this.#target.values(group, options)
  }

  watch(group: string, sink: LogSink): Promise<void> {
    this.#sinks.set(group, sink)
    return this.#target.watch(group, sink)
  }

  unwatch(group: string): void {
    this.#sinks.delete(group)
    this.#target.unwatch(group)
  }

  onGap(listener: () => void): () => void {
    this.#gapListeners.add(listener)
    return () => this.#gapListeners.delete(listener)
  }

  readonly #reportGap = (): void => {
    for (const listener of this.#gapListeners) listener()
  }
}
