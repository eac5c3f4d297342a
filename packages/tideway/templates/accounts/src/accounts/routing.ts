// @if token
import { SignJWT } from 'jose'
// @end
import { randomBytes } from 'node:crypto'
// @if session
import { HttpConsumer, path, type Authenticated, type WithSession } from 'tideway'
import { login, logout, signedCookieSessions } from 'tideway/auth'
// @if token
import { HttpConsumer, jwtVerifier, path } from 'tideway'
// @end
import { checkPassword, userOf } from './password.ts'

// @if session
/** With the same secret, sessions survive a restart, and are valid in all processes. */
const secret = process.env['SESSION_SECRET'] ?? randomBytes(32).toString('base64')

/** Where the user of a request comes from: the session in a signed cookie. */
export const credentials = { sessions: signedCookieSessions({ secret }), users: { findById: userOf } }

/** `POST /login` with the JSON `{ "name": …, "password": … }`. */
class LoginConsumer extends HttpConsumer<object, Authenticated & WithSession> {
// @if token
/** With the same secret, tokens survive a restart, and are valid in all processes. */
const secret = process.env['TOKEN_SECRET'] ?? randomBytes(32).toString('base64')

/** Where the user of a request comes from: a token in the header `Authorization`, or in the subprotocols of a WebSocket. */
export const credentials = { verify: jwtVerifier({ secret }), users: { findById: userOf } }

/** `POST /login` with the JSON `{ "name": …, "password": … }`. The answer is `{ "token": … }`, which is valid for an hour. */
class LoginConsumer extends HttpConsumer {
// @end
  static override maxBodyBytes = 10_000

  override async handle(body: Uint8Array) {
    // Pages of other sites cannot send this type without the permission of this site.
    if (this.scope.headers.get('content-type') !== 'application/json') {
      return this.sendResponse('Send application/json.', { status: 415 })
    }
    const { name, password } = parse(body)
    const user = checkPassword(name, password)
    if (user === undefined) return this.sendResponse('The name or the password is wrong.', { status: 401 })
    // @if session
    await login(this.scope, user)
    return this.sendResponse('', { status: 204 })
    // @if token
    const token = new SignJWT().setSubject(String(user.id)).setExpirationTime('1h').setProtectedHeader({ alg: 'HS256' })
    const json = JSON.stringify({ token: await token.sign(new TextEncoder().encode(secret)) })
    return this.sendResponse(json, { headers: { 'content-type': 'application/json' } })
    // @end
  }
}
// @if session

/** `POST /logout`. Pages of other sites cannot send it: their requests have no cookie (SameSite). */
class LogoutConsumer extends HttpConsumer<object, Authenticated & WithSession> {
  override async handle() {
    await logout(this.scope)
    await this.sendResponse('', { status: 204 })
  }
}
// @end

function parse(body: Uint8Array): { readonly name?: unknown; readonly password?: unknown } {
  try {
    return (JSON.parse(Buffer.from(body).toString()) ?? {}) as object
  } catch {
    return {}
  }
}

// @if session
export const accountRoutes = [
  path('login', LoginConsumer.asApplication()),
  path('logout', LogoutConsumer.asApplication()),
]
// @if token
export const accountRoutes = [path('login', LoginConsumer.asApplication())]
// @end
