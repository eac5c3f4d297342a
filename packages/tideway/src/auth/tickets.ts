import { randomBytes } from 'node:crypto'

import { ServiceUnavailableError } from '../asgi/service-unavailable-error.ts'
import { requirePositive } from '../errors/option-checks.ts'
import { TidewayError } from '../errors/tideway-error.ts'

/** Stores tickets from issue to use. With a shared store (Redis: `SET … PX`, `GETDEL`) every process can redeem them. */
export interface TicketStore {
  /** Stores the user of the ticket for `lifeMs` milliseconds. */
  put(ticket: string, userId: string | number, lifeMs: number): void | Promise<void>
  /** Removes the ticket and returns its user. Of two calls for one ticket, only one gets the user. */
  take(ticket: string): string | number | undefined | Promise<string | number | undefined>
}

/** The options of {@link Tickets}. */
export interface TicketsOptions {
  /** The lifetime of a ticket, in milliseconds. @default 30000 */
  readonly lifeMs?: number
  /** Stores the tickets. @default the memory of this process, with at most 10000 tickets and 50 per user; the oldest is removed first */
  readonly store?: TicketStore
}

const DEFAULT_LIFE_MS = 30_000
const MAX_TICKETS = 10_000
/** More than the open tabs of a person, and so few that one user cannot evict the tickets of others. */
const MAX_TICKETS_OF_USER = 50
const TICKET_BYTES = 24
const TICKET = /^[\w-]{32}$/

/**
 * One-time tickets: a page with a login requests one over HTTP and sends it in the URL of its WebSocket. For WebSockets to another host
 * than that of the cookie, and for clients that cannot set headers. A ticket is valid once and for 30 seconds, so a ticket from a
 * log or a history is useless.
 */
export class Tickets {
  readonly #store: TicketStore
  readonly #lifeMs: number

  constructor({ lifeMs = DEFAULT_LIFE_MS, store = new MemoryTicketStore() }: TicketsOptions = {}) {
    this.#store = store
    this.#lifeMs = requirePositive('lifeMs', lifeMs)
  }

  /**
   * Returns a new ticket for the user. Call it only in a POST of the user's session from a page of the site (check `Origin`, or a CSRF
   * token). Otherwise a page of another site can request a ticket.
   */
  async issue(userId: string | number): Promise<string> {
    const ticket = randomBytes(TICKET_BYTES).toString('base64url')
    await this.#store.put(ticket, userId, this.#lifeMs)
    return ticket
  }

  /**
   * Resolves with the user of the ticket, or with `undefined` if it is unknown, expired or used. Rejects with a `ServiceUnavailableError`
   * (503) if the store fails.
   */
  async redeem(ticket: string): Promise<string | number | undefined> {
    if (!TICKET.test(ticket)) return undefined
    try {
      return await this.#store.take(ticket)
    } catch (cause) {
      if (cause instanceof TidewayError) throw cause
      throw new ServiceUnavailableError(
        'The store of the tickets failed: see the cause, and check that its server is up.',
        {
          cause,
        },
      )
    }
  }
}

interface StoredTicket {
  readonly userId: string | number
  readonly expiresAt: number
}

class MemoryTicketStore implements TicketStore {
  /** Oldest first. */
  readonly #tickets = new Map<string, StoredTicket>()
  /** The tickets of each user, oldest first. */
  readonly #byUser = new Map<string | number, Set<string>>()

  put(ticket: string, userId: string | number, lifeMs: number): void {
    const now = Date.now()
    for (const [old, { expiresAt }] of this.#tickets) {
      if (expiresAt > now && this.#tickets.size < MAX_TICKETS) break
      this.#remove(old)
    }
    const ofUser = this.#byUser.get(userId) ?? new Set()
    const [oldest] = ofUser
    if (oldest !== undefined && ofUser.size >= MAX_TICKETS_OF_USER) this.#remove(oldest)
    this.#byUser.set(userId, ofUser.add(ticket))
    this.#tickets.set(ticket, { userId, expiresAt: now + lifeMs })
  }

  take(ticket: string): string | number | undefined {
    const found = this.#remove(ticket)
    return found !== undefined && found.expiresAt > Date.now() ? found.userId : undefined
  }

  #remove(ticket: string): StoredTicket | undefined {
    const found = this.#tickets.get(ticket)
    if (found === undefined) return undefined
    this.#tickets.delete(ticket)
    const ofUser = this.#byUser.get(found.userId)
    ofUser?.delete(ticket)
    if (ofUser?.size === 0) this.#byUser.delete(found.userId)
    return found
  }
}
