import { TidewayError } from '../../../../src/errors/tideway-error.ts'
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
import type { Random } from '../../../server/fuzz/random.ts'
import type { SimulatedRedis } from './simulated-redis.ts'
import type { VirtualClock } from './virtual-clock.ts'

/** Two missed beacons of 3 s, and the reconnect. */
const BEACON_MS = 7000

/** The event log of one process: the model of Redis behind a network that delays, loses and cuts. */
export class SimulatedLog implements EventLog {
  readonly answers: MemoryAnswers
  readonly #redis: SimulatedRedis
  readonly #clock: VirtualClock
  readonly #random: Random
  readonly #sinks = new Map<string, LogSink>()
  readonly #gapListeners = new Set<() => void>()
  /** Messages that are on their way to the subscriber connection, in order. */
  #arrivesAt = 0
  #connection = 0
  #isSubscribed = true
  isReachable = true
  isStopped = false
  #whenContinued: (() => void)[] = []

  readonly #latencyMs: number
  /** How many of the next messages are lost without any sign. */
  #toLose = 0

  constructor(redis: SimulatedRedis, clock: VirtualClock, random: Random, latencyMs: number) {
    this.#redis = redis
    this.#latencyMs = latencyMs
    this.#clock = clock
    this.answers = new MemoryAnswers(clock)
    this.#random = random
    redis.sinks.add(this.#receive)
  }

  append(group: string, body: string, options: AppendOptions): Promise<Appended> {
    return this.#command(() => this.#redis.append(group, body, options))
  }

  send(group: string, body: string): Promise<void> {
    return this.#command(() => this.#redis.sendVolatile(group, body))
  }

  read(group: string, options: ReadOptions): Promise<ReadResult> {
    return this.#command(() => this.#redis.read(group, options))
  }

  set(group: string, key: string, body: string, options: SetOptions): Promise<SetResult> {
    return this.#command(() => this.#redis.setValue(group, key, body, options))
  }

  values(group: string, options: ValuesOptions): Promise<StateRead> {
    return this.#command(() => this.#redis.values(group, options))
  }

  async watch(group: string, sink: LogSink): Promise<void> {
    await this.#command(() => this.#sinks.set(group, sink))
  }

  unwatch(group: string): void {
    this.#sinks.delete(group)
  }

  onGap(listener: () => void): () => void {
    this.#gapListeners.add(listener)
    return () => this.#gapListeners.delete(listener)
  }

  /** The subscriber connection is lost, and comes back after a time. */
  cutSubscriber(ms: number): void {
    if (!this.#isSubscribed) return
    this.#isSubscribed = false
    this.#connection++
    this.#clock.after(ms, () => {
      this.#isSubscribed = true
      this.#whenRunning(() => {
        for (const listener of this.#gapListeners) listener()
      })
    })
  }

  /** The subscriber is connected to a server that answers and delivers nothing, until its beacon has been missed. */
  demoteSubscriber(): void {
    this.cutSubscriber(BEACON_MS)
  }

  /** The next messages to the subscriber are lost without any sign. */
  loseMessages(count: number): void {
    this.#toLose = count
  }

  /** The process stands still. */
  stop(ms: number): void {
    if (this.isStopped) return
    this.isStopped = true
    this.#clock.after(ms, () => {
      this.isStopped = false
      for (const waiting of this.#whenContinued.splice(0)) waiting()
    })
  }

  /** The process is killed. */
  kill(): void {
    this.#redis.sinks.delete(this.#receive)
    this.#sinks.clear()
    this.#gapListeners.clear()
    this.#connection++
  }

  /** A command whose request or answer the network may lose. */
  async #command<Result>(run: () => Result): Promise<Result> {
    await this.#clock.delay(this.#latency())
    if (!this.isReachable) throw unavailable()
    const result = run()
    await this.#clock.delay(this.#latency())
    await new Promise<void>((resolve) => this.#whenRunning(resolve))
    if (!this.isReachable) throw unavailable()
    return result
  }

  readonly #receive = (group: string, call: (sink: LogSink) => void): void => {
    if (!this.#isSubscribed || this.#toLose-- > 0) return
    const connection = this.#connection
    this.#arrivesAt = Math.max(this.#arrivesAt, this.#clock.now() + this.#latency())
    this.#clock.after(this.#arrivesAt - this.#clock.now(), () => {
      this.#whenRunning(() => {
        const sink = connection === this.#connection ? this.#sinks.get(group) : undefined
        if (sink !== undefined) call(sink)
      })
    })
  }

  #whenRunning(callback: () => void): void {
    if (this.isStopped) this.#whenContinued.push(callback)
    else callback()
  }

  #latency(): number {
    return this.#random.next() * this.#latencyMs
  }
}

function unavailable(): TidewayError {
  return new TidewayError('ERR_LAYER_UNAVAILABLE', 'The simulated Redis is not reachable.')
}
