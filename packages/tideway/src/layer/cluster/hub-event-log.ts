import type { AnswerStore, Claim } from '../log/answer-store.ts'
import type {
  Appended,
  AppendOptions,
  EventLog,
  LogEntry,
  LogSink,
  ReadOptions,
  ReadResult,
  SetOptions,
  SetResult,
  StateRead,
  ValuesOptions,
} from '../log/event-log.ts'
import type { AnswerSurvey, GroupSurvey, SurveyedGroups } from '../log/group-survey.ts'
import type {
  DeadProcess,
  PresenceBeat,
  PresenceLeave,
  PresenceSnapshot,
  PresenceStore,
} from '../presence/presence-store.ts'
import { frame, kinds, type Frame } from './frame.ts'
import type { HubLink } from './hub-link.ts'

/** The event log in the memory of the hub, and its presence and answers, for one of the processes. */
export class HubEventLog implements EventLog {
  readonly answers: AnswerStore
  readonly presence: PresenceStore
  readonly survey: GroupSurvey
  readonly #link: HubLink
  readonly #sinks = new Map<string, LogSink>()
  #answerSurvey: AnswerSurvey | undefined
  /** Whether this process takes part in surveys. */
  #isListening = false
  readonly #gapListeners = new Set<() => void>()

  constructor(link: HubLink) {
    this.#link = link
    this.answers = {
      claim: (...args) => this.#call<Claim>('claim', ...args),
      answer: (...args) => this.#call<void>('answer', ...args),
    }
    this.survey = {
      answerWith: (answer) => (this.#answerSurvey = answer),
      listen: () => {
        this.#isListening = true
        this.#link.open()
      },
      run: (...args) => this.#call<SurveyedGroups>('survey', ...args),
    }
    this.presence = {
      announce: (...args) => this.#call<boolean>('announce', ...args),
      enter: (...args) => this.#call<void>('enter', ...args),
      leave: (...args) => this.#call<PresenceLeave>('leave', ...args),
      settle: (...args) => this.#call<void>('settle', ...args),
      beat: (...args) => this.#call<PresenceBeat>('beat', ...args),
      retire: (...args) => this.#call<void>('retire', ...args),
      sweep: (...args) => this.#call<readonly DeadProcess[]>('sweep', ...args),
      bury: (...args) => this.#call<void>('bury', ...args),
      who: (...args) => this.#call<PresenceSnapshot>('who', ...args),
    }
  }

  append(group: string, body: string, options: AppendOptions): Promise<Appended> {
    return this.#call('append', group, body, options)
  }

  send(group: string, body: string): Promise<void> {
    return this.#call('send', group, body)
  }

  read(group: string, options: ReadOptions): Promise<ReadResult> {
    return this.#call('read', group, options)
  }

  set(group: string, key: string, body: string, options: SetOptions): Promise<SetResult> {
    return this.#call('set', group, key, body, options)
  }

  values(group: string, options: ValuesOptions): Promise<StateRead> {
    return this.#call('values', group, options)
  }

  async watch(group: string, sink: LogSink): Promise<void> {
    this.#sinks.set(group, sink)
    this.#isListening = true
    await this.#call('watch', group)
  }

  unwatch(group: string): void {
    if (this.#sinks.delete(group)) this.#link.tell(frame(kinds.tell, group, '["unwatch"]'))
  }

  onGap(listener: () => void): () => void {
    this.#gapListeners.add(listener)
    return () => this.#gapListeners.delete(listener)
  }

  /** Watches all groups again, on another connection. */
  restore(): void {
    for (const group of this.#sinks.keys()) {
      this.#link.tell(frame(kinds.call, '', JSON.stringify(['watch', group])))
    }
  }

  reportGap(): void {
    for (const listener of this.#gapListeners) listener()
  }

  onEntry({ name, payload }: Frame): void {
    const sink = this.#sinks.get(name)
    if (sink === undefined) return
    const text = payload.toString()
    const epochEnd = text.indexOf(':')
    const offsetEnd = text.indexOf(':', epochEnd + 1)
    const entry: LogEntry = Object.freeze({
      epoch: text.slice(0, epochEnd),
      offset: Number(text.slice(epochEnd + 1, offsetEnd)),
      body: text.slice(offsetEnd + 1),
    })
    sink.onEntry(entry)
  }

  onVolatile({ name, payload }: Frame): void {
    this.#sinks.get(name)?.onVolatile(payload.toString())
  }

  onSurvey({ id, number: maxGroups }: Frame): void {
    const answer = (this.#isListening && this.#answerSurvey?.(maxGroups)) || null
    this.#link.tell(frame(kinds.survey, '', JSON.stringify(answer), id))
  }

  #call<Result>(method: string, ...args: readonly unknown[]): Promise<Result> {
    return this.#link.call(method, ...args) as Promise<Result>
  }
}
