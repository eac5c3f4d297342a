import type { Application } from '../asgi/application.ts'
import { extendScope } from '../asgi/extend-scope.ts'
import type { WebSocketScope } from '../asgi/scope.ts'
import { ServiceUnavailableError } from '../asgi/service-unavailable-error.ts'
import { anonymousUser, type AnonymousUser, type User } from '../asgi/user.ts'
import { MAX_TIMER_MS, requirePositive } from '../errors/option-checks.ts'
import { defineMiddleware, type OuterScope } from './define-middleware.ts'

/** The options of {@link connectProxy}. */
export interface ConnectProxyOptions {
  /** The URL of the view, called with GET. */
  readonly url: string | URL
  /** The headers of the handshake that are passed to the view. @default cookie, authorization, origin, user-agent, accept-language */
  readonly forwardHeaders?: readonly string[]
  /** The time within which the view has to answer, in milliseconds. @default 3000 */
  readonly timeoutMs?: number
  /** The largest answer that is read, in bytes. @default 65536 */
  readonly maxResponseBytes?: number
}

/** A user with the fields that the view returned. */
export interface ProxiedUser extends User {
  readonly id: string | number
  readonly isAuthenticated: true
  readonly [name: string]: unknown
}

/** What {@link connectProxy} adds to the scope. */
export interface WithProxiedUser {
  readonly user: ProxiedUser | AnonymousUser
  /** The groups that the view returned, for the application to join. */
  readonly groups: readonly string[]
}

const defaultForwardHeaders = ['cookie', 'authorization', 'origin', 'user-agent', 'accept-language'] as const
const DEFAULT_TIMEOUT_MS = 3000
const DEFAULT_MAX_RESPONSE_BYTES = 65_536

/**
 * Authenticates handshakes by a request to the site, for sites whose sessions cannot be read from outside. The view gets the client's
 * cookies, its address in `X-Forwarded-For` and the requested path and query in `X-Original-URI`, and answers:
 *
 * - 200 with `{ "user": { "id": 1, "username": "ada", … }, "groups": ["news"] }`, both optional;
 * - 401, 403, 404 or 429: the handshake is refused with that status; a redirect (to a login page) is a 401; other 4xx are a 403;
 * - any other status, an unreadable answer or no answer: a `ServiceUnavailableError` (503), never an anonymous user.
 */
export function connectProxy<S extends WebSocketScope>(
  inner: Application<S>,
  options: ConnectProxyOptions,
): Application<OuterScope<S, WithProxiedUser>> {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, maxResponseBytes = DEFAULT_MAX_RESPONSE_BYTES } = options
  requirePositive('timeoutMs', timeoutMs, MAX_TIMER_MS)
  requirePositive('maxResponseBytes', maxResponseBytes)
  const url = new URL(options.url)
  const forwarded = options.forwardHeaders ?? defaultForwardHeaders

  const ask = async (scope: WebSocketScope): Promise<WithProxiedUser | number> => {
    try {
      const headers = headersFor(scope, forwarded)
      const response = await fetch(url, { headers, redirect: 'manual', signal: AbortSignal.timeout(timeoutMs) })
      if (response.status !== 200) {
        await response.body?.cancel()
        return statusFor(response.status)
      }
      return readAnswer(await readText(response, maxResponseBytes))
    } catch (cause) {
      throw new ServiceUnavailableError(
        `The view ${url.origin}${url.pathname} gave an invalid answer: see the cause.`,
        {
          cause,
        },
      )
    }
  }

  return defineMiddleware<S, WithProxiedUser, unknown, WebSocketScope>(
    inner,
    (inner) =>
      async function connectProxy(scope, receive, send) {
        const answer = await ask(scope)
        if (typeof answer === 'object') return inner(extendScope(scope, answer), receive, send)
        await receive()
        await send({ type: 'websocket.http.response.start', status: answer, headers: { 'content-length': '0' } })
        await send({ type: 'websocket.http.response.body' })
      },
  )
}

function headersFor(scope: WebSocketScope, names: readonly string[]): Headers {
  const headers = new Headers({ accept: 'application/json' })
  for (const name of names) {
    const values = scope.headers.getAll(name)
    if (values.length > 0) headers.set(name, values.join(name.toLowerCase() === 'cookie' ? '; ' : ', '))
  }
  if (scope.client !== undefined) headers.set('x-forwarded-for', scope.client.host)
  headers.set('x-original-uri', scope.rawPath + (scope.queryString === '' ? '' : `?${scope.queryString}`))
  return headers
}

function statusFor(status: number): number {
  if (status >= 300 && status < 400) return 401
  if (status === 401 || status === 403 || status === 404 || status === 429) return status
  if (status >= 400 && status < 500) return 403
  throw new TypeError(`The view answered with status ${status}.`)
}

async function readText(response: Response, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength
    if (size > maxBytes) throw new TypeError(`The answer is larger than ${maxBytes} bytes.`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

function readAnswer(text: string): WithProxiedUser {
  const answer: unknown = JSON.parse(text)
  if (typeof answer !== 'object' || answer === null) throw new TypeError('The answer is not a JSON object.')
  const { user, groups = [] } = answer as { user?: unknown; groups?: unknown }
  if (!Array.isArray(groups) || !groups.every((group) => typeof group === 'string')) {
    throw new TypeError('The field "groups" of the answer is not an array of strings.')
  }
  return { user: userOf(user), groups }
}

function userOf(user: unknown): ProxiedUser | AnonymousUser {
  if (user === undefined || user === null) return anonymousUser
  const { id, username = '' } = user as { id?: unknown; username?: unknown }
  const isId = (typeof id === 'string' && id !== '') || typeof id === 'number'
  if (!isId || typeof username !== 'string')
    throw new TypeError('The field "user" of the answer has no id, or a username that is not a string.')
  return Object.freeze({ ...user, id, username, isAuthenticated: true as const })
}
