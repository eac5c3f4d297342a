import type { CookieAttributes, CookiePriority, SameSite } from './set-cookie.ts'
import type { ResolvedSessionCookie } from './session-cookie-options.ts'
import type { StoredCookie } from './session-store.ts'

/**
 * What stands under `cookie` in a stored session, in the shape that express-session's stores expect of its own: JSON gives
 * the attributes, and `maxAge` says what is left of its life.
 */
export class StoreCookie implements StoredCookie {
  readonly originalMaxAge: number | null
  readonly expires: Date | null;
  readonly [name: string]: unknown

  private constructor(
    attributes: Readonly<Record<string, unknown>>,
    originalMaxAge: number | null,
    expires: Date | null,
  ) {
    Object.assign(this, attributes)
    this.originalMaxAge = originalMaxAge
    this.expires = expires
  }

  /** Of a session that begins now. */
  static create(cookie: ResolvedSessionCookie, secure: boolean): StoreCookie {
    const { maxAgeMs, path, domain, httpOnly, sameSite, partitioned, priority } = cookie
    const attributes = {
      path,
      httpOnly,
      sameSite,
      secure: cookie.secure === 'auto' ? secure : cookie.secure,
      ...(domain !== undefined && { domain }),
      ...(partitioned && { partitioned }),
      ...(priority !== undefined && { priority }),
    }
    return new StoreCookie(attributes, maxAgeMs, expiryOf(maxAgeMs))
  }

  /** Of a session that somebody visits now: the same attributes, and its whole life before it. */
  static renew(stored: StoredCookie): StoreCookie {
    const { maxAge: _, ...attributes } = stored
    const originalMaxAge = typeof stored.originalMaxAge === 'number' ? stored.originalMaxAge : null
    return new StoreCookie(attributes, originalMaxAge, expiryOf(originalMaxAge) ?? dateOf(stored.expires))
  }

  /** Milliseconds until it ends; `null` when it ends with the browser. */
  get maxAge(): number | null {
    return this.expires === null ? null : this.expires.getTime() - Date.now()
  }

  /** For the `Set-Cookie` header: what the store keeps, whatever program wrote it. */
  get attributes(): CookieAttributes {
    const { path, domain, httpOnly, secure, sameSite, partitioned, priority } = this
    return {
      path: typeof path === 'string' ? path : '/',
      domain: typeof domain === 'string' ? domain : undefined,
      httpOnly: httpOnly !== false,
      secure: secure === true,
      sameSite: sameSiteOf(sameSite),
      partitioned: partitioned === true,
      priority: priorityOf(priority),
      ...(this.expires !== null && { expires: this.expires }),
    }
  }
}

function expiryOf(maxAgeMs: number | null): Date | null {
  return maxAgeMs === null ? null : new Date(Date.now() + maxAgeMs)
}

/**
 * Stores give the date as they keep it: as a `Date` or as its ISO form. Anything else is no date, also `false` and `0`, which
 * express-session has for a cookie that ends with the browser.
 */
export function dateOf(expires: unknown): Date | null {
  if (expires === 0) return null
  if (!(expires instanceof Date) && typeof expires !== 'string' && typeof expires !== 'number') return null
  const date = new Date(expires)
  return Number.isNaN(date.getTime()) ? null : date
}

/** express-session writes `true` for strict. `false`: it sets no attribute, so browsers decide. */
function sameSiteOf(sameSite: unknown): SameSite | false {
  if (sameSite === true) return 'strict'
  const text = typeof sameSite === 'string' ? sameSite.toLowerCase() : ''
  return text === 'strict' || text === 'none' || text === 'lax' ? text : false
}

function priorityOf(priority: unknown): CookiePriority | undefined {
  const text = typeof priority === 'string' ? priority.toLowerCase() : ''
  return text === 'low' || text === 'medium' || text === 'high' ? text : undefined
}
