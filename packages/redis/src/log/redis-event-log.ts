import { type Appended, type LogEntry, type Message, type ReadResult } from 'tideway/layer'
import {
  DEFAULT_ID_TTL_MS,
  type AppendOptions,
  type EventLog,
  type LogSink,
  type ReadOptions,
  type SetOptions,
  type SetResult,
  type StateRead,
  type ValuesOptions,
} from 'tideway/layer/kit'

import type { MessageCodec } from '../codec/message-codec.ts'
import type { RedisScript, ScriptArgument } from '../connection/redis-script.ts'
import { literalPattern } from '../connection/remove-keys.ts'
import { replyOf, unavailable } from '../connection/redis-errors.ts'
import { djangoEvent, type DjangoEvents } from '../pub-sub/django-events.ts'
import type { PubSubEngine } from '../pub-sub/pub-sub-engine.ts'
import { RedisAnswers } from './redis-answers.ts'
import { AppendQueue, type AppendResult, type BatchOptions, type LogEvent } from './append-queue.ts'
import { RedisGroupSurvey } from './redis-group-survey.ts'
import { ReplicatedRuns } from './replicated-runs.ts'
import { RedisPresenceStore } from '../presence/redis-presence-store.ts'
import { newEpoch } from './epochs.ts'
import { append } from './scripts/append.ts'
import {
  parseAppended,
  parsePublished,
  parseRead,
  parseSet,
  parseValues,
  setArguments,
  type AppendReply,
  type ReadReply,
  type SetReply,
  type ValuesReply,
  volatileMessage,
} from './replies.ts'
import { read } from './scripts/read.ts'
import { NO_INFO } from './scripts/replication-id.ts'
import { set } from './scripts/set.ts'
import { values } from './scripts/values.ts'

/** The settings of a log, and the callbacks to its layer. */
export interface RedisEventLogOptions {
  readonly prefix: string
  /** Encrypts the events. */
  readonly codec: MessageCodec
  /** The maximum time of the wait for replicas, in milliseconds. */
  readonly replicaWaitMs: number
  /** Returns the Redis of a channel of the log. */
  engineOf(channel: string): PubSubEngine
  /** A published event could not be decoded, and was dropped. */
  malformed(channel: string, error: unknown): void
  /** Follows the plain groups of the same names. */
  readonly django?: DjangoEvents | undefined
}

interface Watch {
  readonly group: string
  readonly sink: LogSink
}

/**
 * The logs of kept groups in Redis. A log is a stream, its head a hash, and both have the same hash tag as its Redis channel, so that
 * one script appends and publishes. The head binds the epoch to the replication id of Redis: after a failover or a restart, the next
 * append begins a new epoch.
 */
export class RedisEventLog implements EventLog {
  readonly answers: RedisAnswers
  readonly presence: RedisPresenceStore
  readonly survey: RedisGroupSurvey
  readonly #options: RedisEventLogOptions
  /** The watched groups, by their Redis channel. */
  readonly #watches = new Map<string, Watch>()
  readonly #gapListeners = new Set<() => void>()
  /** The appends that wait for a call or its reply, by their group. */
  readonly #queues = new Map<string, AppendQueue>()
  readonly #replicated: ReplicatedRuns

  constructor(options: RedisEventLogOptions) {
    this.#options = options
    this.answers = new RedisAnswers(options)
    this.survey = new RedisGroupSurvey(options)
    this.#replicated = new ReplicatedRuns(options.replicaWaitMs)
    const { prefix, codec } = options
    this.presence = new RedisPresenceStore({
      prefix,
      codec,
      engineOf: (key) => options.engineOf(key),
      run: async (...run) => (await this.#run(...run)).reply,
    })
  }

  async append(group: string, body: string, options: AppendOptions): Promise<Appended> {
    const { size, ttlMs, headTtlMs, id, idTtlMs = DEFAULT_ID_TTL_MS, replicas } = options
    const event: LogEvent = { body: this.#options.codec.encodeText(body), id }
    const shared: BatchOptions = { size, ttlMs, headTtlMs, idTtlMs }
    if (replicas === undefined) return appendedOf(await this.#queueOf(group).append(event, shared))
    this.#release(group)
    const { results, replicas: reached } = await this.#append(group, [event], shared, replicas)
    return { ...appendedOf(results[0]!), ...(reached !== undefined && { replicas: reached }) }
  }

  async send(group: string, body: string): Promise<void> {
    const channel = this.#channel(group)
    const stored = this.#options.codec.encodeText(body)
    this.#release(group)
    await this.#options.engineOf(channel).publish(channel, volatileMessage(stored))
  }

  async read(group: string, { since, last, maxEntries, maxBytes, headTtlMs }: ReadOptions): Promise<ReadResult> {
    const channel = this.#channel(group)
    const engine = this.#options.engineOf(channel)
    const keys = [channel, this.#key('head', group)]
    const { epoch = '', offset = 0 } = since ?? {}
    const args = [epoch, offset, last, maxEntries, maxBytes, headTtlMs, newEpoch()]
    this.#release(group)
    const { reply } = await this.#run(engine, read, keys, args)
    return parseRead(reply as ReadReply, (bytes) => this.#stored(engine, bytes))
  }

  async set(group: string, key: string, body: string, options: SetOptions): Promise<SetResult> {
    const args = setArguments(key, body, options, this.#options.codec)
    return parseSet((await this.#runOnHead(group, set, options.headTtlMs, args)) as SetReply)
  }

  async values(group: string, { since, headTtlMs }: ValuesOptions): Promise<StateRead> {
    const { epoch = '', offset = 0 } = since ?? {}
    const reply = (await this.#runOnHead(group, values, headTtlMs, [epoch, offset])) as ValuesReply
    const engine = this.#options.engineOf(this.#channel(group))
    return parseValues(reply, (bytes) => this.#stored(engine, bytes))
  }

  async watch(group: string, sink: LogSink): Promise<void> {
    const channel = this.#channel(group)
    const watch: Watch = { group, sink }
    this.#watches.set(channel, watch)
    this.survey.listen()
    try {
      await this.#options.engineOf(channel).subscribe(channel)
      await this.#options.django?.watch(group)
    } catch (error) {
      if (this.#watches.get(channel) === watch) this.#watches.delete(channel)
      throw error
    }
  }

  unwatch(group: string): void {
    const channel = this.#channel(group)
    if (!this.#watches.delete(channel)) return
    this.#options.engineOf(channel).unsubscribe(channel)
    this.#options.django?.unwatch(group)
  }

  onGap(listener: () => void): () => void {
    this.#gapListeners.add(listener)
    return () => this.#gapListeners.delete(listener)
  }

  /** Watchers may have missed events. */
  missed(): void {
    for (const listener of this.#gapListeners) listener()
  }

  /** Handles a message of a Redis channel. Returns `false` if the channel does not belong to a log. */
  onMessage(channel: string, bytes: Buffer): boolean {
    const watch = this.#watches.get(channel)
    if (watch === undefined) return this.survey.onMessage(channel, bytes)
    let event: LogEntry | string
    try {
      event = parsePublished(bytes, this.#options.codec)
    } catch (error) {
      this.#options.malformed(channel, error)
      return true
    }
    if (typeof event === 'string') watch.sink.onVolatile(event)
    else watch.sink.onEntry(event)
    return true
  }

  /** Passes a message of Django on to the followers of the kept group, as a volatile event. */
  onDjangoMessage(group: string, message: Message): void {
    const channel = this.#channel(group)
    try {
      const body = djangoEvent(message)
      if (body !== undefined) this.#watches.get(channel)?.sink.onVolatile(body, true)
    } catch (error) {
      this.#options.malformed(channel, error)
    }
  }

  /** Sends the appends that wait. The connection is about to close. */
  releaseAll(): void {
    for (const queue of this.#queues.values()) queue.release()
  }

  /** The patterns of all keys of the logs and of presence. */
  keyPatterns(): string[] {
    const kinds = ['log', 'head', 'once', 'answer']
    const patterns = kinds.map((kind) => `${literalPattern(this.#options.prefix)}:tideway:${kind}:*`)
    return [...patterns, ...this.presence.keyPatterns()]
  }

  // The braces put the keys and the channel of one group into one slot of a cluster.
  #key(kind: 'log' | 'head' | 'once', group: string): string {
    return `${this.#options.prefix}:tideway:${kind}:{${group}}`
  }

  /** The Redis channel of the group, and the key of its stream. */
  #channel(group: string): string {
    return this.#key('log', group)
  }

  #queueOf(group: string): AppendQueue {
    let queue = this.#queues.get(group)
    if (queue === undefined) {
      const send = async (events: readonly LogEvent[], options: BatchOptions): Promise<readonly AppendResult[]> =>
        (await this.#append(group, events, options)).results
      queue = new AppendQueue(send, () => this.#queues.delete(group))
      this.#queues.set(group, queue)
    }
    return queue
  }

  /** Sends the appends of the group that wait, so that what follows does not overtake them. */
  #release(group: string): void {
    this.#queues.get(group)?.release()
  }

  async #append(
    group: string,
    events: readonly LogEvent[],
    { size, ttlMs, headTtlMs, idTtlMs }: BatchOptions,
    replicas?: number,
  ): Promise<{ readonly results: readonly AppendResult[]; readonly replicas?: number }> {
    const channel = this.#channel(group)
    const engine = this.#options.engineOf(channel)
    const keys = [channel, this.#key('head', group)]
    const name = engine.wireName(channel)
    const args: ScriptArgument[] = [size, ttlMs, headTtlMs, name, engine.publishCommand, newEpoch(), idTtlMs]
    for (const { body, id } of events) {
      if (id !== undefined) keys.push(`${this.#key('once', group)}:${id}`)
      args.push(body, id === undefined ? 0 : keys.length)
    }
    const { reply, ...wait } = await this.#run(engine, append, keys, args, replicas)
    return { results: parseAppended(events, reply as AppendReply), ...wait }
  }

  /** Runs a script that changes values or reads them. */
  async #runOnHead(
    group: string,
    script: RedisScript,
    headTtlMs: number,
    args: readonly ScriptArgument[],
  ): Promise<unknown> {
    const channel = this.#channel(group)
    const engine = this.#options.engineOf(channel)
    const common = [engine.wireName(channel), engine.publishCommand, newEpoch(), headTtlMs]
    const { reply } = await this.#run(engine, script, [channel, this.#key('head', group)], [...common, ...args])
    return reply
  }

  async #run(
    engine: PubSubEngine,
    script: RedisScript,
    keys: readonly string[],
    args: readonly ScriptArgument[],
    replicas?: number,
  ): Promise<{ readonly reply: unknown; readonly replicas?: number }> {
    try {
      if (replicas === undefined) return { reply: await engine.run(script, keys, args) }
      return await this.#replicated.run(engine, script, keys, args, replicas)
    } catch (error) {
      if (!replyOf(error).includes(NO_INFO)) throw error
      throw unavailable(
        engine.label,
        'does not permit INFO in scripts, which kept groups need: permit it to the user',
        error,
      )
    }
  }

  /** An entry that cannot be decoded is not left out, because the log would have a hole. */
  #stored(engine: PubSubEngine, bytes: Buffer): string {
    try {
      return this.#options.codec.decodeText(bytes)
    } catch (error) {
      throw unavailable(engine.label, 'has an entry of a log that this process cannot decode', error)
    }
  }
}

function appendedOf({ epoch, offset, duplicate }: AppendResult): Appended {
  return { position: Object.freeze({ epoch, offset }), duplicate }
}
