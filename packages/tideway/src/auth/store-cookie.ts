import type { CookieAttributes, CookiePriority, SameSite } from './set-cookie.ts'
import type { ResolvedSessionCookie } from './session-cookie-options.ts'
import type { StoredCookie } from './session-store.ts'

/**
 * The `cookie` of a stored session, in the format that express-session's stores expect: JSON has the attributes, and `maxAge` is the
 * remaining lifetime.
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

  /** Returns the cookie of a new session. */
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

  /** Returns the cookie with the same attributes and its full lifetime. */
  static renew(stored: StoredCookie): StoreCookie {
    const { maxAge: _, ...attributes } = stored
    const originalMaxAge = typeof stored.originalMaxAge === 'number' ? stored.originalMaxAge : null
    return new StoreCookie(attributes, originalMaxAge, expiryOf(originalMaxAge) ?? dateOf(stored.expires))
  }

  /** The remaining lifetime, in milliseconds; `null` if the cookie ends with the browser. */
  get maxAge(): number | null {
    return this.expires === null ? null : this.expires.getTime() - Date.now()
  }

  /** The attributes for the `Set-Cookie` header. Another program may have written the stored ones. */
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
 * Returns the date that a store has, as a `Date` or in ISO format. Returns `null` for any other value, also for `false` and `0`, with
 * which express-session marks a cookie that ends with the browser.
 */
export function dateOf(expires: unknown): Date | null {
  if (expires === 0) return null
  if (!(expires instanceof Date) && typeof expires !== 'string' && typeof expires !== 'number') return null
  const date = new Date(expires)
  return Number.isNaN(date.getTime()) ? null : date
}

/** express-session writes `true` for strict. `false`: no attribute is set. */
function sameSiteOf(sameSite: unknown): SameSite | false {
  if (sameSite === true) return 'strict'
  const text = typeof sameSite === 'string' ? sameSite.toLowerCase() : ''
  return text === 'strict' || text === 'none' || text === 'lax' ? text : false
}

function priorityOf(priority: unknown): CookiePriority | undefined {
  const text = typeof priority === 'string' ? priority.toLowerCase() : ''
  return text === 'low' || text === 'medium' || text === 'high' ? text : undefined
}
