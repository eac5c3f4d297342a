import { HttpConsumer, type Authenticated } from 'tideway'
import { login, logout, Revocations, type WithSession } from 'tideway/auth'
import { checkPassword } from './accounts.ts'
import { channelLayer } from './layer.ts'

export const revocations = new Revocations(channelLayer)

const toFrontPage = { status: 303, headers: { Location: '/' } }

/** `GET /me`: the name of the visitor, as JSON. */
export class MeConsumer extends HttpConsumer<object, Authenticated> {
  override handle() {
    const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' }
    return this.sendResponse(JSON.stringify({ name: this.scope.user.username }), { headers })
  }
}

/** `POST /login`: the form of the front page. */
export class LoginConsumer extends HttpConsumer<object, Authenticated & WithSession> {
  override async handle(body: Uint8Array) {
    const form = new URLSearchParams(new TextDecoder().decode(body))
    const [name, password] = [form.get('name') ?? '', form.get('password') ?? '']
    const isValid = this.scope.method === 'POST' && /^[\p{L}\d]{1,40}$/u.test(name) && password.length >= 8
    const user = isValid ? await checkPassword(name, password) : undefined
    if (user === undefined) return this.sendResponse('Wrong name or password.\n', { status: 403 })
    await login(this.scope, user)
    await this.sendResponse('', toFrontPage)
  }
}

/** `POST /logout`: ends the session, and then the open connections of the user. */
export class LogoutConsumer extends HttpConsumer<object, Authenticated & WithSession> {
  override async handle() {
    if (this.scope.method !== 'POST')
      return this.sendResponse('Use POST.\n', { status: 405, headers: { Allow: 'POST' } })
    const { id } = this.scope.user
    await logout(this.scope)
    if (id !== undefined) await revocations.revoke(id)
    await this.sendResponse('', toFrontPage)
  }
}
