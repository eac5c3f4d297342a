import type { Application } from 'tideway'
import { authExpiry, authMiddlewareStack, tokenMiddleware } from 'tideway/auth'
import { path, protocolTypeRouter, urlRouter } from 'tideway/routing'
import { originValidator, rateLimit } from 'tideway/security'
import type { WebSocketScope } from 'tideway/asgi'
import { WebSocketCommunicator } from 'tideway/testing'
import { expect, it } from 'vitest'

const users = { findById: () => undefined }
const verify = () => Promise.reject(new Error('not called'))
const limiter = { consume: () => Promise.resolve() }
const failing: Application<WebSocketScope> = () => {
  throw new Error('the inner application failed')
}

it.each([
  ['cookieMiddleware', authMiddlewareStack(failing)],
  ['sessionMiddleware', authMiddlewareStack(failing)],
  ['authMiddleware', authMiddlewareStack(failing)],
  ['authExpiry', authMiddlewareStack(authExpiry(failing))],
  ['tokenMiddleware', tokenMiddleware(failing, { verify, users })],
  ['originCheck', originValidator(failing, ['*'])],
  ['rateLimit', rateLimit(failing, { messages: limiter })],
  ['urlRouter', urlRouter([path('ws/', failing)])],
  ['protocolTypeRouter', protocolTypeRouter({ websocket: failing })],
] as const)('names %s in the stack trace of an error of the inner application', async (name, application) => {
  const socket = new WebSocketCommunicator(application, '/ws/')
  await socket.connect().catch(() => {})
  const error: unknown = await socket.wait().catch((thrown: unknown) => thrown)
  expect((error as Error).stack).toMatch(new RegExp(`at (async )?${name} `))
})
