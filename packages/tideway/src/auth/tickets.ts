import { randomBytes } from 'node:crypto'

import { ServiceUnavailableError } from '../asgi/service-unavailable-error.ts'
import { TidewayError } from '../errors/tideway-error.ts'

/** Where tickets lie between their issue and their use. A shared one (Redis: `SET … PX`, `GETDEL`) lets any process redeem them. */
export interface TicketStore {
  /** Keeps for whom the ticket is, for `lifeMs` milliseconds. */
  put(ticket: string, userId: string | number, lifeMs: number): void | Promise<void>
  /** Takes it out: of two calls for one ticket, only one gets the user. */
  take(ticket: string): string | number | undefined | Promise<string | number | undefined>
}

/** The options of {@link Tickets}. */
export interface TicketsOptions {
  /** How long a ticket is good, in milliseconds. @default 30000 */
  readonly lifeMs?: number
  /** @default in the memory of this process, at most 10000 of them, and at most 50 of one user: then the oldest goes */
  readonly store?: TicketStore
}

const DEFAULT_LIFE_MS = 30_000
const MAX_TICKETS = 10_000
/** More than the tabs of a person, and few enough that one user cannot push out the tickets of others. */
const MAX_TICKETS_OF_USER = 50
const TICKET_BYTES = 24
const TICKET = /^[\w-]{32}$/

/**
 * One-time tickets: a page that is logged in asks for one over HTTP and shows it in the URL of its WebSocket, for a
 * WebSocket that goes to another host than the cookie, or from a client that can set no headers. A ticket is good once and
 * for 30 seconds, so one that was seen in a log or a history is worth nothing.
 */
export class Tickets {
  readonly #store: TicketStore
  readonly #lifeMs: number

  constructor({ lifeMs = DEFAULT_LIFE_MS, store = new MemoryTicketStore() }: TicketsOptions = {}) {
    if (!(lifeMs > 0 && Number.isFinite(lifeMs))) {
      throw new TidewayError('ERR_BAD_OPTION', `lifeMs is ${lifeMs}: give milliseconds above 0.`)
    }
    this.#store = store
    this.#lifeMs = lifeMs
  }

  /**
   * A new ticket for the user. Issue it only in a POST of the user's own session from the site's own pages (check `Origin`, or a CSRF
   * token): otherwise another site's page could ask for one.
   */
  async issue(userId: string | number): Promise<string> {
    const ticket = randomBytes(TICKET_BYTES).toString('base64url')
    await this.#store.put(ticket, userId, this.#lifeMs)
    return ticket
  }

  /**
   * The user that the ticket is for. `undefined` for one that is unknown, expired, or was used before. A `ServiceUnavailableError`
   * (503) when the store fails: whether the ticket was good cannot be known.
   */
  async redeem(ticket: string): Promise<string | number | undefined> {
    if (!TICKET.test(ticket)) return undefined
    try {
      return await this.#store.take(ticket)
    } catch (cause) {
      if (cause instanceof TidewayError) throw cause
      throw new ServiceUnavailableError(
        'The store of the tickets failed: see the cause, and whether its server is up.',
        {
          cause,
        },
      )
    }
  }
}

interface KeptTicket {
  readonly userId: string | number
  readonly expiresAt: number
}

class MemoryTicketStore implements TicketStore {
  /** Oldest first. */
  readonly #tickets = new Map<string, KeptTicket>()
  /** The tickets of each user, oldest first. */
  readonly #byUser = new Map<string | number, Set<string>>()

  put(ticket: string, userId: string | number, lifeMs: number): void {
    const now = Date.now()
    for (const [old, { expiresAt }] of this.#tickets) {
      if (expiresAt > now && this.#tickets.size < MAX_TICKETS) break
      this.#remove(old)
    }
    const own = this.#byUser.get(userId) ?? new Set()
    const [oldest] = own
    if (oldest !== undefined && own.size >= MAX_TICKETS_OF_USER) this.#remove(oldest)
    this.#byUser.set(userId, own.add(ticket))
    this.#tickets.set(ticket, { userId, expiresAt: now + lifeMs })
  }

  take(ticket: string): string | number | undefined {
    const found = this.#remove(ticket)
    return found !== undefined && found.expiresAt > Date.now() ? found.userId : undefined
  }

  #remove(ticket: string): KeptTicket | undefined {
    const found = this.#tickets.get(ticket)
    if (found === undefined) return undefined
    this.#tickets.delete(ticket)
    const own = this.#byUser.get(found.userId)
    own?.delete(ticket)
    if (own?.size === 0) this.#byUser.delete(found.userId)
    return found
  }
}
