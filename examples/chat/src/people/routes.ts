import { promisify } from 'node:util'

import express, { Router, type Request, type Response } from 'express'
import type { Revocations } from 'tideway/auth'

import { accountById, accountOf, isTaken, signUp, type Account } from './accounts.ts'
import { AttemptLimit, networkOf } from './attempt-limit.ts'
import { checkedName, checkedPassword, folded } from './names.ts'
import { takeName } from './taken-names.ts'
import { expressSession, guestName, store } from './visitors.ts'

/**
 * The maximum password attempts per minute: from one address, for one name from one address, and for one name from all
 * addresses. The last one is the highest, because any client can use it up.
 */
const ofAddress = new AttemptLimit({ attempts: 30 })
const ofBoth = new AttemptLimit({ attempts: 10 })
const ofName = new AttemptLimit({ attempts: 100 })
/** The maximum number of new accounts per minute and address. */
const signUps = new AttemptLimit({ attempts: 20 })

/**
 * `/api/me`: the visitor, the name of a guest, the account, login and logout. The bodies are JSON, which a form of
 * another site cannot send (and the cookie is also SameSite=Lax).
 */
export function peopleRoutes(revocations: Revocations): Router {
  const router = Router()
  router.use('/api/me', expressSession, express.json({ limit: '1kb' }))

  router.get('/api/me', (request, response) => {
    const account = accountOfSession(request)
    if (account !== undefined) response.json({ name: account.name, hasAccount: true })
    else response.json({ name: guestName(request.session.visitorName) })
  })

  router.put('/api/me', (request, response) => {
    const { name, problem } = checkedName(bodyOf(request).name)
    if (problem !== undefined) return refuse(response, problem)
    if (accountOfSession(request) !== undefined) return refuse(response, 'Log out to be a guest.')
    if (isTaken(name)) return refuse(response, 'That name is taken. Is it yours? Log in.')
    delete request.session.accountId
    if (name === '') delete request.session.visitorName
    else request.session.visitorName = name
    response.json({ name })
  })

  router.post('/api/me/account', async (request, response) => {
    const { name, problem } = checkedName(bodyOf(request).name)
    const { password, problem: weakness } = checkedPassword(bodyOf(request).password)
    if (problem !== undefined) return refuse(response, problem)
    if (name === '') return refuse(response, 'An account needs a name.')
    if (weakness !== undefined) return refuse(response, weakness)
    if (!signUps.allows(networkOf(request.ip))) return refuse(response, 'Too many attempts: wait a minute.', 429)
    const account = await signUp(name, password)
    if (account === undefined) return refuse(response, 'That name is taken.')
    await logIn(request, account)
    await takeName(revocations, name)
    response.status(201).json({ name: account.name, hasAccount: true })
  })

  router.post('/api/me/login', async (request, response) => {
    const { name, problem } = checkedName(bodyOf(request).name)
    const { password, problem: unlikely } = checkedPassword(bodyOf(request).password)
    if (problem !== undefined) return refuse(response, problem)
    if (!mayTry(networkOf(request.ip), folded(name))) return refuse(response, 'Too many attempts: wait a minute.', 429)
    const account = unlikely === undefined ? await accountOf(name, password) : undefined
    if (account === undefined) return refuse(response, 'There is no such name and password.')
    await logIn(request, account)
    response.json({ name: account.name, hasAccount: true })
  })

  router.post('/api/me/logout', async (request, response) => {
    const account = accountOfSession(request)
    if (account !== undefined) {
      // End the sessions first, then the connections: a page that reconnects at once is then anonymous.
      store.endAllOf(account.id)
      await revocations.revoke(account.id)
    }
    await promisify(request.session.destroy.bind(request.session))()
    response.json({ name: '' })
  })

  return router
}

/** Replaces the session, which makes a session useless that an attacker has planted in this browser (session fixation). */
async function logIn(request: Request, { id }: Account): Promise<void> {
  await promisify(request.session.regenerate.bind(request.session))()
  request.session.accountId = id
}

function accountOfSession({ session: { accountId } }: Request): Account | undefined {
  return accountId === undefined ? undefined : accountById(accountId)
}

/** Stops at the first limit that is reached, so that a blocked address uses no attempts of a name. */
function mayTry(address: string, name: string): boolean {
  return ofAddress.allows(address) && ofBoth.allows(`${address} ${name}`) && ofName.allows(name)
}

function bodyOf(request: Request): Readonly<Record<string, unknown>> {
  return (request.body ?? {}) as Readonly<Record<string, unknown>>
}

function refuse(response: Response, error: string, status = 422): void {
  response.status(status).json({ error })
}
