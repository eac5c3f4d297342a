import { hiddenField } from '../../errors/hidden-field.ts'
import { INSPECTION_EXTENSION, type Inspection } from '../../asgi/inspection.ts'
import type { LongTransport } from '../../asgi/long-response.ts'
import { redactTarget } from '../../asgi/redact-query.ts'
import type { HttpScope, Scope, WebSocketScope } from '../../asgi/scope.ts'
import type { User } from '../../asgi/user.ts'

/** The subset of a connection that the inspector needs. */
export interface InspectedConnection {
  readonly bufferedBytes: number
  shutDown(code: number, reason: string): void
}

/** How a client is connected. */
export type InspectedTransport = 'websocket' | LongTransport

/** The counters of a socket. The stream of HTTP/2 has none. */
interface CountedSocket {
  readonly bytesRead?: number
  readonly bytesWritten?: number
}

/** One row of the list of connections. */
export interface ConnectionRow {
  /** The number of the connection in this process. */
  readonly id: number
  readonly transport: InspectedTransport
  /** The name or the id of the user; empty for an anonymous one, and for an application that is no consumer. */
  readonly user: string
  readonly address: string
  /** With its query, whose secrets are redacted. */
  readonly path: string
  /** The name of the consumer's class. */
  readonly consumer: string
  readonly ageMs: number
  /** Bytes per second between the last two samples, at first since the handshake. `null` over HTTP/2. */
  readonly inPerSecond: number | null
  readonly outPerSecond: number | null
  readonly bufferedBytes: number
}

/** The columns by which the list can be sorted. */
export const sortColumns = [
  'id',
  'user',
  'address',
  'path',
  'ageMs',
  'inPerSecond',
  'outPerSecond',
  'bufferedBytes',
] as const

/** What to list. */
export interface ConnectionQuery {
  /** A part of the user, address, path, consumer or transport, in any case, or the id after a `#`. */
  readonly search: string
  readonly sort: (typeof sortColumns)[number]
  readonly isDescending: boolean
  readonly offset: number
  readonly limit: number
}

/** A page of the list. */
export interface ConnectionPage {
  readonly total: number
  readonly matching: number
  readonly rows: readonly ConnectionRow[]
}

/** The connections to disconnect: one, or all whose row has this user. */
export type DisconnectTarget = { readonly id: number } | { readonly user: string }

/** The shortest time between two samples. */
const SAMPLE_MS = 1000

/** What the inspector keeps of a connection. Nothing is counted per message: sockets count their bytes themselves. */
class Inspected implements Inspection {
  readonly id: number
  readonly transport: InspectedTransport
  readonly address: string
  readonly path: string
  readonly openedAt = performance.now()
  consumerName = ''
  readonly #socket: CountedSocket
  #scope: Partial<{ readonly user: User }> = {}
  #sampledAt = this.openedAt
  #bytesIn: number
  #bytesOut: number
  #inPerSecond: number | undefined
  #outPerSecond: number | undefined

  constructor(id: number, transport: InspectedTransport, socket: CountedSocket, address: string, path: string) {
    this.id = id
    this.transport = transport
    this.#socket = socket
    // A socket of HTTP/1.1 may have had other requests.
    this.#bytesIn = socket.bytesRead ?? 0
    this.#bytesOut = socket.bytesWritten ?? 0
    this.address = address
    this.path = path
  }

  consumer(name: string, scope: Scope): void {
    this.consumerName = name
    this.#scope = scope as Partial<{ readonly user: User }>
  }

  get user(): string {
    const { user } = this.#scope
    if (user?.isAuthenticated !== true) return ''
    return user.username === '' ? String(user.id) : user.username
  }

  sample(now: number): void {
    const { bytesRead, bytesWritten } = this.#socket
    const seconds = (now - this.#sampledAt) / 1000
    if (seconds <= 0 || bytesRead === undefined || bytesWritten === undefined) return
    this.#inPerSecond = (bytesRead - this.#bytesIn) / seconds
    this.#outPerSecond = (bytesWritten - this.#bytesOut) / seconds
    this.#bytesIn = bytesRead
    this.#bytesOut = bytesWritten
    this.#sampledAt = now
  }

  get inPerSecond(): number | null {
    return this.#inPerSecond ?? this.#average(this.#socket.bytesRead, this.#bytesIn)
  }

  get outPerSecond(): number | null {
    return this.#outPerSecond ?? this.#average(this.#socket.bytesWritten, this.#bytesOut)
  }

  matches(search: string): boolean {
    if (search.startsWith('#')) return `#${this.id}` === search
    const { user, address, path, consumerName, transport } = this
    return [user, address, path, consumerName, transport].some((text) => text.toLowerCase().includes(search))
  }

  row({ bufferedBytes }: InspectedConnection): ConnectionRow {
    const { id, transport, user, address, path, consumerName: consumer, inPerSecond, outPerSecond } = this
    const ageMs = Math.round(performance.now() - this.openedAt)
    return { id, transport, user, address, path, consumer, ageMs, inPerSecond, outPerSecond, bufferedBytes }
  }

  #average(bytes: number | undefined, before: number): number | null {
    return bytes === undefined ? null : (bytes - before) / ((performance.now() - this.openedAt) / 1000)
  }
}

type Entry = readonly [InspectedConnection, Inspected]

/** What the list is sorted by. Made once per connection and list, since a comparison would make it twelve times as often. */
const sortKeys: Readonly<Record<ConnectionQuery['sort'], (entry: Entry) => string | number | null>> = {
  id: ([, { id }]) => id,
  user: ([, { user }]) => user,
  address: ([, { address }]) => address,
  path: ([, { path }]) => path,
  // The numbers of the connections have the order of their ages, and are different.
  ageMs: ([, { id }]) => -id,
  inPerSecond: ([, { inPerSecond }]) => inPerSecond,
  outPerSecond: ([, { outPerSecond }]) => outPerSecond,
  bufferedBytes: ([{ bufferedBytes }]) => bufferedBytes,
}

/**
 * The WebSockets and the long responses of a server for its inspector. A list costs time in proportion to the connections, and is made only when it is asked
 * for; the rates are sampled at most once per second.
 */
export class InspectedConnections {
  readonly #secretNames: readonly string[]
  readonly #inspected = hiddenField<InspectedConnection, Inspected>()
  #connections: readonly ReadonlySet<InspectedConnection>[] = []
  #lastId = 0
  #sampledAt = -Infinity

  /** @param secretNames more names of query parameters whose values are redacted */
  constructor(secretNames: readonly string[] = []) {
    this.#secretNames = secretNames
  }

  /** Sets the open connections of the server. */
  watch(...connections: readonly ReadonlySet<InspectedConnection>[]): void {
    this.#connections = connections
  }

  /** How many are open. */
  get size(): number {
    return this.#connections.reduce((sum, { size }) => sum + size, 0)
  }

  /** A handshake or a request for a long response is about to get to the application. */
  connecting(
    connection: InspectedConnection,
    socket: object,
    scope: WebSocketScope | HttpScope,
    transport: InspectedTransport = 'websocket',
  ): void {
    const { rawPath, queryString, client } = scope
    const path = redactTarget(queryString === '' ? rawPath : `${rawPath}?${queryString}`, this.#secretNames)
    const inspected = new Inspected(++this.#lastId, transport, socket, client?.host ?? '', path)
    this.#inspected.set(connection, inspected)
    // Inside `extensions`, it adds no property to copies of the scope. The scope that has it is that of one application.
    const extended = scope as { extensions?: Readonly<Record<string, unknown>> }
    extended.extensions = { ...scope.extensions, [INSPECTION_EXTENSION]: inspected satisfies Inspection }
  }

  list({ search, sort, isDescending, offset, limit }: ConnectionQuery): ConnectionPage {
    this.#sample(performance.now())
    const all = [...this.#each()]
    const text = search.toLowerCase()
    const matching = search === '' ? all : all.filter(([, inspected]) => inspected.matches(text))
    const keyOf = sortKeys[sort]
    const keyed = matching.map((entry) => ({ entry, key: keyOf(entry) }))
    const sign = isDescending ? -1 : 1
    // Connections with equal keys stay in the order of their numbers.
    keyed.sort((one, other) => sign * compared(one.key, other.key))
    const page = keyed.slice(offset, offset + limit)
    return {
      total: all.length,
      matching: matching.length,
      rows: page.map(({ entry: [connection, inspected] }) => inspected.row(connection)),
    }
  }

  /** Closes connections. Returns their number. */
  disconnect(target: DisconnectTarget, code: number, reason: string): number {
    const found = [...this.#each()].filter(([, inspected]) =>
      'id' in target ? inspected.id === target.id : inspected.user === target.user,
    )
    for (const [connection] of found) connection.shutDown(code, reason)
    return found.length
  }

  #sample(now: number): void {
    if (now - this.#sampledAt < SAMPLE_MS) return
    this.#sampledAt = now
    for (const [, inspected] of this.#each()) inspected.sample(now)
  }

  *#each(): Iterable<Entry> {
    for (const connections of this.#connections) {
      for (const connection of connections) {
        const inspected = this.#inspected.get(connection)
        if (inspected !== undefined) yield [connection, inspected]
      }
    }
  }
}

function compared(one: string | number | null, other: string | number | null): number {
  if (one === other) return 0
  if (one === null || other === null) return one === null ? -1 : 1
  return one < other ? -1 : 1
}
