import type { Clock } from '../../../../src/layer/log/clock.ts'
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
} from '../../../../src/layer/log/event-log.ts'
import { MemoryAnswers } from '../../../../src/layer/log/memory-answers.ts'
import type { Action } from './interleavings.ts'
import type { SimulatedRedis } from './simulated-redis.ts'

/** Longer timers do not fire in a run. */
const LONGEST_TIMER_MS = 60_000

/** The log and the clock of one process. Each message, request, answer and timer is an action, whose time the caller chooses. */
export class SteppedProcess implements EventLog, Clock {
  readonly answers: MemoryAnswers = new MemoryAnswers(this)
  readonly #redis: SimulatedRedis
  readonly #sinks = new Map<string, LogSink>()
  readonly #gapListeners = new Set<() => void>()
  readonly #waiting = new Map<string, Action>()
  /** What the subscriber connection delivers next. */
  #messages: (() => void)[] = []
  #delivered = 0
  #isConnected = true
  #isSubscribed = false
  #commands = 0
  #timers = 0

  constructor(redis: SimulatedRedis) {
    this.#redis = redis
    redis.sinks.add((group, call) => {
      if (!this.#isConnected || !this.#isSubscribed) return
      this.#messages.push(() => {
        const sink = this.#sinks.get(group)
        if (sink !== undefined) call(sink)
      })
    })
  }

  /** What can happen next in this process, or to its connections. */
  actions(): Action[] {
    const actions = [...this.#waiting.values()]
    if (this.#messages.length > 0) {
      const run = (): void => {
        this.#delivered++
        this.#messages.shift()!()
      }
      actions.push({ name: `message ${this.#delivered}`, side: 'process', run })
    }
    if (!this.#isConnected) actions.push({ name: 'reconnect', side: 'redis', run: () => this.#reconnect() })
    return actions
  }

  /** The subscriber connection is lost, and the messages on their way. */
  disconnect(): void {
    this.#isConnected = false
    this.#messages = []
  }

  append(group: string, body: string, options: AppendOptions): Promise<Appended> {
    return this.#command('append', () => this.#redis.append(group, body, options))
  }

  send(group: string, body: string): Promise<void> {
    return this.#command('send', () => this.#redis.sendVolatile(group, body))
  }

  read(group: string, options: ReadOptions): Promise<ReadResult> {
    return this.#command('read', () => this.#redis.read(group, options))
  }

  set(group: string, key: string, body: string, options: SetOptions): Promise<SetResult> {
    return this.#command('set', () => this.#redis.setValue(group, key, body, options))
  }

  values(group: string, options: ValuesOptions): Promise<StateRead> {
    return this.#command('values', () => this.#redis.values(group, options))
  }

  watch(group: string, sink: LogSink): Promise<void> {
    this.#sinks.set(group, sink)
    return this.#command('subscribe', () => {
      this.#isSubscribed = true
    })
  }

  unwatch(group: string): void {
    this.#sinks.delete(group)
  }

  onGap(listener: () => void): () => void {
    this.#gapListeners.add(listener)
    return () => this.#gapListeners.delete(listener)
  }

  now(): number {
    return 0
  }

  random(): number {
    return 0
  }

  after(ms: number, callback: () => void): () => void {
    if (ms >= LONGEST_TIMER_MS) return () => {}
    const name = `timer ${this.#timers++}`
    this.#add({ name, side: 'process', run: callback })
    return () => void this.#waiting.delete(name)
  }

  delay(ms: number): Promise<void> {
    return new Promise((resolve) => void this.after(ms, resolve))
  }

  /** Messages arrive again, after the sign that some may be missing. */
  #reconnect(): void {
    this.#isConnected = true
    this.#messages.push(() => {
      for (const listener of this.#gapListeners) listener()
    })
  }

  #command<Result>(what: string, run: () => Result): Promise<Result> {
    const name = `${what} ${this.#commands++}`
    return new Promise((resolve) => {
      this.#add({
        name,
        side: 'redis',
        run: () => {
          const result = run()
          this.#add({ name: `answer of ${name}`, side: 'process', run: () => resolve(result) })
        },
      })
    })
  }

  #add({ name, side, run }: Action): void {
    this.#waiting.set(name, {
      name,
      side,
      run: () => {
        this.#waiting.delete(name)
        run()
      },
    })
  }
}
