import { promisify } from 'node:util'

import express, { Router, type Request, type Response } from 'express'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import type { Revocations } from 'tideway'

import { accountById, accountOf, folded, isTaken, signUp, type Account } from './accounts.ts'
import { checkedName, checkedPassword } from './names.ts'
import { expressSession, guestName, store } from './visitors.ts'

/** How many passwords may be tried in a minute from one address for one name, and how many accounts made from one address. */
const attempts = new RateLimiterMemory({ points: 10, duration: 60 })
const signUps = new RateLimiterMemory({ points: 20, duration: 60 })

/**
 * `/api/me`: who the visitor is, a name for a guest, an account, logging in and out. The bodies are JSON, which a form of
 * another site cannot send (and the cookie is SameSite=Lax besides).
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
    if (isTaken(name)) return refuse(response, 'This name belongs to somebody. If it is you: log in.')
    delete request.session.accountId
    if (name === '') delete request.session.visitorName
    else request.session.visitorName = name
    response.json({ name })
  })

  router.post('/api/me/account', async (request, response) => {
    const { name, problem } = checkedName(bodyOf(request).name)
    const { password, problem: weakness } = checkedPassword(bodyOf(request).password)
    if (problem ?? weakness) return refuse(response, problem ?? weakness!)
    if (name === '') return refuse(response, 'An account needs a name.')
    if (!(await may(signUps, `${request.ip}`))) return refuse(response, 'Too many attempts: wait a minute.', 429)
    const account = await signUp(name, password)
    if (account === undefined) return refuse(response, 'This name belongs to somebody else.')
    await logIn(request, account)
    response.status(201).json({ name: account.name, hasAccount: true })
  })

  router.post('/api/me/login', async (request, response) => {
    const { name, problem } = checkedName(bodyOf(request).name)
    const { password, problem: unlikely } = checkedPassword(bodyOf(request).password)
    if (problem !== undefined) return refuse(response, problem)
    const isAllowed = await may(attempts, `${request.ip} ${folded(name)}`)
    if (!isAllowed) return refuse(response, 'Too many attempts: wait a minute.', 429)
    const account = unlikely === undefined ? await accountOf(name, password) : undefined
    if (account === undefined) return refuse(response, 'There is no such name and password.')
    await logIn(request, account)
    response.json({ name: account.name, hasAccount: true })
  })

  router.post('/api/me/logout', async (request, response) => {
    const account = accountOfSession(request)
    if (account !== undefined) {
      // First the sessions, then the connections: a page that comes back at once comes back as nobody.
      store.endAllOf(account.id)
      await revocations.revoke(account.id)
    }
    await promisify(request.session.destroy.bind(request.session))()
    response.json({ name: '' })
  })

  return router
}

/** A session that somebody else has planted in this browser is worth nothing after it. */
async function logIn(request: Request, { id }: Account): Promise<void> {
  await promisify(request.session.regenerate.bind(request.session))()
  request.session.accountId = id
}

function accountOfSession({ session: { accountId } }: Request): Account | undefined {
  return accountId === undefined ? undefined : accountById(accountId)
}

async function may(limiter: RateLimiterMemory, key: string): Promise<boolean> {
  try {
    await limiter.consume(key)
    return true
  } catch (error) {
    if (error instanceof Error) throw error
    return false
  }
}

function bodyOf(request: Request): Readonly<Record<string, unknown>> {
  return (request.body ?? {}) as Readonly<Record<string, unknown>>
}

function refuse(response: Response, error: string, status = 422): void {
  response.status(status).json({ error })
}
