import type { Socket } from 'node:net'

import type { Redis, RedisOptions } from 'ioredis'

import { Deadlines } from './deadlines.ts'
import type { HostAddress } from './host-address.ts'
import type { FullConnectionSettings } from './layer-options.ts'
import { reconnectDelay } from './reconnect-delay.ts'
import { makeClient } from './redis-client.ts'
import { OLDEST_VERSION, requireUsable } from './redis-version.ts'
import { commandError, fatalReason, isReply, unavailable, unreachableReason, withoutArguments } from './unavailable.ts'

/** Commands that may wait at once for one connection or for its answers; more are refused. */
export const MAX_PENDING_COMMANDS = 10_000

/** How long Redis may take to say goodbye. */
const CLOSE_TIMEOUT_MS = 1000

/** What a connection tells whom it belongs to, and asks of it. */
export interface ConnectionOwner {
  /** What has to be done on a new connection before it counts as up: subscriptions, scripts. */
  prepare?(client: Redis): Promise<void>
  /** The connection is up; `again` where it was before. */
  up(again: boolean): void
  /** The connection was up and is not any more. */
  down(error: Error | undefined): void
  /** The server at the other end was a master and is a replica now. The connection is dropped after this call. */
  demoted?(): void
  /** Resolves when more than PING has proved that the connection is alive. @default PING alone, or ROLE */
  probe?(): Promise<unknown>
}

/** What one connection is for. */
export interface ConnectionRole {
  readonly name: 'commands' | 'subscriber' | 'reader'
  /** How long Redis may hold back an answer on purpose, in milliseconds: for a connection of blocking commands. */
  readonly blocksForMs?: number
  /** The major version that Redis has to have at least. @default 5 */
  readonly oldestVersion?: number
}

/** A command that Redis has not answered yet. */
interface PendingCommand {
  readonly reject: (error: Error) => void
}

type State = 'idle' | 'connecting' | 'up' | 'down' | 'failed' | 'closed'

/**
 * One connection to one Redis that is made again whenever it is lost. It is up only after what its owner prepares is
 * done, and a peer that is silent for too long counts as lost. Nothing is ever sent twice: a command that was under way
 * when the connection was lost is rejected.
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
  /** Commands that wait until the connection is up: those that come later do not overtake them. */
  #queued = 0
  /** Whether Redis was a master before, so that a replica is not what the address stands for. */
  #wasMaster = false
  /** Whether Redis permits ROLE, as far as is known. */
  #permitsRole = true
  #waiters = new Set<(error: Error | undefined) => void>()
  #heartbeat: NodeJS.Timeout | undefined
  #handshake: NodeJS.Timeout | undefined
  #restart: NodeJS.Timeout | undefined
  /** Attempts that failed and that ioredis does not count. */
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
      // What Redis 5 speaks too.
      protocol: 2,
      disableClientInfo: true,
      connectionName: `tideway-${role.name}`,
      connectTimeout: settings.connectTimeoutMs,
      disconnectTimeout: 100,
      // A command that was sent may have been done: repeating it would deliver a message twice.
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      autoResubscribe: false,
      // A demoted master: its connection has to be made again, to the one that Sentinel names now.
      // Redis before 7 puts the word behind the name of the script that wrote.
      reconnectOnError: (error) => {
        const isDemoted = error.message.includes('READONLY')
        if (isDemoted) owner.demoted?.()
        return isDemoted
      },
      retryStrategy: (attempt) =>
        this.#state === 'failed' || this.#state === 'closed'
          ? null
          : reconnectDelay(Math.max(attempt, this.#attempts), settings.maxReconnectDelayMs),
      sentinelRetryStrategy: (attempt) => reconnectDelay(attempt, settings.maxReconnectDelayMs),
      failoverDetector: 'sentinels' in address.options,
      // It asks for the role of the server, which a Sentinel may have wrong. Anything else is checked in #prepare.
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

  /** Whether it ever was up: a mistake in the options shows before that. */
  get wasUp(): boolean {
    return this.#wasUp
  }

  /** Begins to connect, once. */
  open(): void {
    if (this.#state !== 'idle') return
    this.#state = 'connecting'
    // Errors come as events.
    this.client.connect().catch(() => {})
  }

  /**
   * Resolves while the connection is up. One that never was is waited for as long as the first connect may take, one
   * that was lost as long as `waitWhileDownMs` says.
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
   * Sends a command, at once if the connection is up. Commands that wait for the connection are sent in the order of the
   * calls.
   * @throws TidewayError `ERR_LAYER_UNAVAILABLE`
   */
  async command<Result>(send: (client: Redis) => Promise<Result>): Promise<Result> {
    if (this.#pending.size + this.#queued >= MAX_PENDING_COMMANDS) {
      throw unavailable(
        this.label,
        `has ${MAX_PENDING_COMMANDS} commands to answer: send less, or wait for what is sent`,
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

  /** Says that Redis has answered: for blocking commands, whose answers nothing else watches. */
  answered(): void {
    this.#answeredAt = performance.now()
  }

  /** Lets go of the connection and makes a new one. */
  drop(): void {
    if (this.#state === 'closed') return
    this.#quieten()
    // Before the socket has closed: what is sent from now on waits for the next connection.
    this.#lost()
    this.client.disconnect(true)
  }

  /** Lets what was sent be answered, for a second at most, and ends the connection. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return
    const wasUp = this.#state === 'up'
    this.#state = 'closed'
    this.#stopTimers()
    clearTimeout(this.#restart)
    this.#settle(this.#unavailable())
    this.#quieten()
    if (wasUp && this.#role.blocksForMs === undefined) {
      let timer: NodeJS.Timeout | undefined
      const timeout = new Promise((resolve) => {
        timer = setTimeout(resolve, CLOSE_TIMEOUT_MS)
      })
      await Promise.race([this.client.quit().catch(() => {}), timeout])
      clearTimeout(timer)
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

  /** The socket of the moment. */
  get #stream(): Socket | undefined {
    return (this.client as unknown as { readonly stream?: Socket }).stream
  }

  /** ioredis listens for one error of a socket only. A second one, as TLS has them, would end the process. */
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
    // Trying again would only hide the mistake.
    this.#state = 'failed'
    this.#failure = unavailable(this.label, reason, error)
    this.#settle(this.#failure)
    this.client.disconnect()
  }

  /** Between here and ready only a peer that hangs needs watching; commands have their own limit afterwards. */
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
      // ioredis counts this as a success, and would try again at once for ever.
      this.#attempts++
      if (this.#state !== 'failed') this.drop()
      return
    }
    // The connection may have been lost and made again meanwhile: then this is about the one before.
    if (this.#stream !== stream || this.client.status !== 'ready') return
    if (this.#state === 'closed' || this.#state === 'failed') return
    clearTimeout(this.#handshake)
    const again = this.#wasUp
    this.#state = 'up'
    this.#wasUp = true
    this.#lastError = undefined
    this.#attempts = 0
    this.#watch()
    this.#owner.up(again)
    this.#settle(undefined)
  }

  /** @throws Error when Redis is a replica, and was a master before: its address leads to another server soon */
  async #requireMaster(): Promise<void> {
    this.#permitsRole = true
    const isMaster = await this.#askIsMaster()
    if (isMaster === false && this.#wasMaster) throw new Error('it is a replica now')
    if (isMaster === true) this.#wasMaster = true
  }

  /** Whether Redis is a master. `undefined`: an ACL or a proxy does not permit the question. */
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
    this.#owner.down(this.#lastError)
  }

  /** ioredis gives up where looking for the master was interrupted, by the news of a failover for one. */
  #ended(): void {
    this.#lost()
    if (this.#state === 'closed' || this.#state === 'failed') return
    this.#restart = setTimeout(
      () => void this.client.connect().catch(() => {}),
      reconnectDelay(++this.#attempts, this.#settings.maxReconnectDelayMs),
    )
  }

  #watch(): void {
    clearInterval(this.#heartbeat)
    this.answered()
    this.#pinging = false
    this.#heartbeat = setInterval(() => this.#beat(), this.#settings.heartbeatIntervalMs).unref()
  }

  #beat(): void {
    // Timers come before what has arrived: an answer that is there already is read first, in a process that was busy.
    if (this.#isSilent()) setImmediate(() => this.#dropIfSilent())
    else if (this.#role.blocksForMs === undefined) {
      this.#pinging = true
      const stream = this.#stream
      this.#probe().then(
        (isMaster) => {
          // An answer to the connection before this one proves nothing.
          if (stream !== this.#stream) return
          this.#pinging = false
          this.answered()
          if (isMaster === false && this.#wasMaster) this.#dropDemoted()
        },
        () => {},
      )
    }
  }

  /** Resolves when Redis has answered, with whether it is a master where that can be asked. */
  async #probe(): Promise<boolean | undefined> {
    if (this.#owner.probe !== undefined) await this.#owner.probe()
    else if (this.#role.name === 'commands' && this.#permitsRole) return this.#askIsMaster()
    else await this.client.ping()
    return undefined
  }

  /** PUBLISH and SUBSCRIBE do not fail on a replica, but reach no client of the new master. */
  #dropDemoted(): void {
    if (this.#state !== 'up') return
    this.#lastError = new Error('it is a replica now')
    this.#owner.demoted?.()
    this.drop()
  }

  /** Whether nothing has come for longer than it may take. */
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
