import type { Socket } from 'node:net'

import type { Redis, RedisOptions } from 'ioredis'
import { backoffMs, resolvesWithin } from 'tideway/layer/kit'

import { Deadlines } from './deadlines.ts'
import type { HostAddress } from './host-address.ts'
import type { FullConnectionSettings } from './connection-settings.ts'
import { makeClient } from './redis-client.ts'
import { OLDEST_VERSION, requireUsable } from './redis-version.ts'
import { commandError, fatalReason, isReply, unavailable, unreachableReason, withoutArguments } from './redis-errors.ts'

/** Maximum number of commands that wait for one connection or its replies; more are rejected. */
export const MAX_PENDING_COMMANDS = 10_000

/** How long `close` waits for the reply to QUIT, in milliseconds. */
const CLOSE_TIMEOUT_MS = 1000

/** The longest delay before the first reconnect attempt, in milliseconds. */
const FIRST_DELAY_MS = 50

/** The callbacks of a connection to its owner. */
export interface ConnectionOwner {
  /** Prepares a new connection before it counts as up: subscriptions, scripts. */
  prepare?(client: Redis): Promise<void>
  /** The connection is up. `again` is true if it was up before. */
  onUp(again: boolean): void
  /** The connection was up and is lost. */
  onDown(error: Error | undefined): void
  /** The server was a master and is now a replica. The connection is dropped after this call. */
  onDemoted?(): void
  /** Resolves when the connection has proved that it is alive. @default PING or ROLE */
  probe?(): Promise<unknown>
}

/** The purpose of one connection. */
export interface ConnectionRole {
  readonly name: 'commands' | 'subscriber' | 'reader'
  /** How long Redis may block a command, in milliseconds: for a connection of blocking commands. */
  readonly blocksForMs?: number
  /** The lowest major version of Redis. @default 5 */
  readonly oldestVersion?: number
}

/** A command without a reply yet. */
interface PendingCommand {
  readonly reject: (error: Error) => void
}

type State = 'idle' | 'connecting' | 'up' | 'down' | 'failed' | 'closed'

/**
 * One connection to one Redis, which reconnects after each loss. It is up only after its owner has prepared it. It is lost
 * if Redis is silent for too long. Never sends a command twice: a command in flight at the loss rejects.
 */
export class RedisConnection {
  readonly client: Redis
  readonly label: string
  readonly #settings: FullConnectionSettings
  readonly #quietened = new WeakSet<Socket>()
  readonly #owner: ConnectionOwner
  readonly #role: ConnectionRole
  #state: State = 'idle'
  #wasUp = false
  #failure: Error | undefined
  #lastError: Error | undefined
  readonly #usesTls: boolean
  #isAccepted = false
  readonly #pending: Deadlines<PendingCommand>
  /** The number of commands that wait until the connection is up. Later commands do not overtake them. */
  #queued = 0
  /** Whether Redis was a master before. Then a replica at this address means a failover. */
  #wasMaster = false
  /** False after Redis has rejected ROLE. */
  #permitsRole = true
  #waiters = new Set<(error: Error | undefined) => void>()
  #heartbeat: NodeJS.Timeout | undefined
  #handshake: NodeJS.Timeout | undefined
  #restart: NodeJS.Timeout | undefined
  /** Failed attempts that ioredis does not count. */
  #attempts = 0
  #answeredAt = 0
  #pinging = false

  constructor(address: HostAddress, role: ConnectionRole, settings: FullConnectionSettings, owner: ConnectionOwner) {
    this.label = address.label
    this.#settings = settings
    this.#owner = owner
    this.#role = role
    this.#pending = new Deadlines(settings.commandTimeoutMs, ({ reject }) => reject(new Error('Command timed out')))
    const options: RedisOptions = {
      ...address.options,
      lazyConnect: true,
      // Redis 5 supports only this version of the protocol.
      protocol: 2,
      disableClientInfo: true,
      connectionName: `tideway-${role.name}`,
      connectTimeout: settings.connectTimeoutMs,
      disconnectTimeout: 100,
      // Redis may have executed a command before the loss. Sending it again would deliver a message twice.
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      autoResubscribe: false,
      // READONLY: the master was demoted. A reconnect leads to the master that Sentinel names now.
      // Before Redis 7 the name of the script precedes the word.
      reconnectOnError: (error) => {
        const isDemoted = error.message.includes('READONLY')
        if (isDemoted) owner.onDemoted?.()
        return isDemoted
      },
      retryStrategy: (attempt) =>
        this.#state === 'failed' || this.#state === 'closed'
          ? null
          : this.#reconnectDelayMs(Math.max(attempt, this.#attempts)),
      sentinelRetryStrategy: (attempt) => this.#reconnectDelayMs(attempt),
      failoverDetector: 'sentinels' in address.options,
      // It checks the role of the server, because a Sentinel may be outdated. #prepare checks everything else.
      enableReadyCheck: 'sentinels' in address.options,
      sentinelCommandTimeout: settings.commandTimeoutMs,
    }
    this.#usesTls = options.tls !== undefined
    this.client = makeClient(options, () => this.#warnOfPassword())
    this.client.on('error', (error: Error) => this.#failed(error))
    this.client.on('connect', () => this.#connected())
    this.client.on('ready', () => void this.#prepare())
    this.client.on('close', () => this.#lost())
    this.client.on('end', () => this.#ended())
  }

  get isUp(): boolean {
    return this.#state === 'up'
  }

  /** Whether it was up at least once. A mistake in the options shows before that. */
  get wasUp(): boolean {
    return this.#wasUp
  }

  /** Starts to connect, once. */
  open(): void {
    if (this.#state !== 'idle') return
    this.#state = 'connecting'
    // Errors are also emitted as events.
    this.client.connect().catch(() => {})
  }

  /**
   * Resolves when the connection is up. Waits up to `connectTimeoutMs` for the first connect, and up to `waitWhileDownMs`
   * for a reconnect.
   * @throws TidewayError `ERR_LAYER_UNAVAILABLE`
   */
  whenUp(): Promise<void> {
    if (this.#state === 'up') return Promise.resolve()
    const waitMs = this.#wasUp ? this.#settings.waitWhileDownMs : this.#settings.connectTimeoutMs
    this.open()
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    if (this.#state === 'closed' || waitMs === 0) return Promise.reject(this.#unavailable())
    return this.#wait(waitMs)
  }

  /**
   * Sends a command, at once if the connection is up. Commands that wait for the connection are sent in call order.
   * @throws TidewayError `ERR_LAYER_UNAVAILABLE`
   */
  async command<Result>(send: (client: Redis) => Promise<Result>): Promise<Result> {
    if (this.#pending.size + this.#queued >= MAX_PENDING_COMMANDS) {
      throw unavailable(
        this.label,
        `has ${MAX_PENDING_COMMANDS} unanswered commands: send less, or await earlier sends`,
      )
    }
    if (this.#state !== 'up' || this.#queued > 0) {
      this.#queued++
      try {
        await this.whenUp()
      } finally {
        this.#queued--
      }
    }
    try {
      return await this.#answer(send)
    } catch (error) {
      throw commandError(this.label, error)
    }
  }

  /** Records a reply to a blocking command, which has no other timeout. */
  answered(): void {
    this.#answeredAt = performance.now()
  }

  /** Drops the connection and reconnects. */
  drop(): void {
    if (this.#state === 'closed') return
    this.#quieten()
    // Before the socket has closed, so that commands from now on wait for the next connection.
    this.#lost()
    this.client.disconnect(true)
  }

  /** Waits up to a second for the replies to sent commands, and closes the connection. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return
    const wasUp = this.#state === 'up'
    this.#state = 'closed'
    this.#stopTimers()
    clearTimeout(this.#restart)
    this.#settle(this.#unavailable())
    this.#quieten()
    if (wasUp && this.#role.blocksForMs === undefined) {
      const quitting = this.client.quit().catch(() => {})
      await resolvesWithin(quitting, CLOSE_TIMEOUT_MS)
    }
    this.client.disconnect()
  }

  #answer<Result>(send: (client: Redis) => Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      const pending: PendingCommand = { reject }
      this.#pending.add(pending)
      send(this.client).then(
        (result) => {
          this.#pending.delete(pending)
          resolve(result)
        },
        (error: unknown) => {
          this.#pending.delete(pending)
          reject(error)
        },
      )
    })
  }

  /** The current socket. */
  get #stream(): Socket | undefined {
    return (this.client as unknown as { readonly stream?: Socket }).stream
  }

  /** ioredis listens only for the first error of a socket. TLS sockets may emit another, which would end the process. */
  #quieten(): void {
    const stream = this.#stream
    if (stream === undefined || this.#quietened.has(stream)) return
    this.#quietened.add(stream)
    stream.on('error', () => {})
  }

  #wait(waitMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => waiter(this.#unavailable()), waitMs)
      const waiter = (error: Error | undefined): void => {
        clearTimeout(timer)
        this.#waiters.delete(waiter)
        if (error === undefined) resolve()
        else reject(error)
      }
      this.#waiters.add(waiter)
    })
  }

  #settle(error: Error | undefined): void {
    for (const waiter of this.#waiters) waiter(error)
  }

  #failed(error: Error): void {
    this.#lastError = withoutArguments(error)
    this.#quieten()
    const reason = this.#wasUp ? undefined : fatalReason(error)
    if (reason === undefined || this.#state === 'closed') return
    // A retry would hide the mistake.
    this.#state = 'failed'
    this.#failure = unavailable(this.label, reason, error)
    this.#settle(this.#failure)
    this.client.disconnect()
  }

  /** Limits the time from TCP connect to ready, because a server may hang. Commands have their own timeout later. */
  #connected(): void {
    this.#quieten()
    this.#isAccepted = true
    clearTimeout(this.#handshake)
    this.#handshake = setTimeout(() => this.drop(), this.#settings.connectTimeoutMs)
  }

  async #prepare(): Promise<void> {
    const stream = this.#stream
    try {
      await requireUsable(this.client, this.#role.oldestVersion ?? OLDEST_VERSION)
      await this.#requireMaster()
      await this.#owner.prepare?.(this.client)
    } catch (error) {
      this.#failed(error as Error)
      // ioredis counts this as a success, and would reconnect without a delay.
      this.#attempts++
      if (this.#state !== 'failed') this.drop()
      return
    }
    // The result concerns an earlier connection if a reconnect happened in between.
    if (this.#stream !== stream || this.client.status !== 'ready') return
    if (this.#state === 'closed' || this.#state === 'failed') return
    clearTimeout(this.#handshake)
    const again = this.#wasUp
    this.#state = 'up'
    this.#wasUp = true
    this.#lastError = undefined
    this.#attempts = 0
    this.#watch()
    this.#owner.onUp(again)
    this.#settle(undefined)
  }

  /** @throws Error if Redis is a replica and was a master before: its address is about to lead to another server */
  async #requireMaster(): Promise<void> {
    this.#permitsRole = true
    const isMaster = await this.#askIsMaster()
    if (isMaster === false && this.#wasMaster) throw new Error('it is a replica now')
    if (isMaster === true) this.#wasMaster = true
  }

  /** Resolves with whether Redis is a master, or with `undefined` if an ACL or a proxy forbids ROLE. */
  async #askIsMaster(): Promise<boolean | undefined> {
    try {
      const [role] = await this.client.role()
      return role === 'master'
    } catch (error) {
      if (!isReply(error)) throw error
      this.#permitsRole = false
      return undefined
    }
  }

  #lost(): void {
    this.#stopTimers()
    if (this.#state !== 'up') return
    this.#state = 'down'
    this.#owner.onDown(this.#lastError)
  }

  /** ioredis stops reconnecting if the search for the master was interrupted, for example by a failover message. */
  #ended(): void {
    this.#lost()
    if (this.#state === 'closed' || this.#state === 'failed') return
    this.#restart = setTimeout(
      () => void this.client.connect().catch(() => {}),
      this.#reconnectDelayMs(++this.#attempts),
    )
  }

  #reconnectDelayMs(attempt: number): number {
    return backoffMs(attempt, { firstMs: FIRST_DELAY_MS, mostMs: this.#settings.maxReconnectDelayMs })
  }

  #watch(): void {
    clearInterval(this.#heartbeat)
    this.answered()
    this.#pinging = false
    this.#heartbeat = setInterval(() => this.#onHeartbeat(), this.#settings.heartbeatIntervalMs).unref()
  }

  #onHeartbeat(): void {
    // Timers run before sockets are read. In a busy process, a reply that has arrived is read first.
    if (this.#isSilent()) setImmediate(() => this.#dropIfSilent())
    else if (this.#role.blocksForMs === undefined) {
      this.#pinging = true
      const stream = this.#stream
      this.#probe().then(
        (isMaster) => {
          // Ignores a reply of an earlier connection.
          if (stream !== this.#stream) return
          this.#pinging = false
          this.answered()
          if (isMaster === false && this.#wasMaster) this.#dropDemoted()
        },
        () => {},
      )
    }
  }

  /** Resolves when Redis has replied. The result is whether it is a master, or `undefined` if that is not known. */
  async #probe(): Promise<boolean | undefined> {
    if (this.#owner.probe !== undefined) await this.#owner.probe()
    else if (this.#role.name === 'commands' && this.#permitsRole) return this.#askIsMaster()
    else await this.client.ping()
    return undefined
  }

  /** Drops a demoted server. PUBLISH and SUBSCRIBE succeed on a replica, but reach no client of the new master. */
  #dropDemoted(): void {
    if (this.#state !== 'up') return
    this.#lastError = new Error('it is a replica now')
    this.#owner.onDemoted?.()
    this.drop()
  }

  /** Whether the reply to the last heartbeat or blocking command is overdue. */
  #isSilent(): boolean {
    const { blocksForMs } = this.#role
    if (blocksForMs === undefined) return this.#pinging
    return performance.now() - this.#answeredAt > this.#settings.heartbeatIntervalMs + blocksForMs
  }

  #dropIfSilent(): void {
    if (this.#state === 'up' && this.#isSilent()) this.drop()
  }

  #stopTimers(): void {
    clearInterval(this.#heartbeat)
    clearTimeout(this.#handshake)
  }

  #warnOfPassword(): void {
    if (this.#wasUp || this.#role.name !== 'commands') return
    process.emitWarning(`Redis at ${this.label} needs no password, but hosts has one for it.`)
  }

  #unavailable(): Error {
    const attempt = { error: this.#lastError, usesTls: this.#usesTls, isAccepted: this.#isAccepted }
    return unavailable(this.label, this.#wasUp ? 'is gone' : unreachableReason(attempt), this.#lastError)
  }
}
