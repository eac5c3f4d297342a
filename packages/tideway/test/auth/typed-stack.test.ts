import { once } from 'node:events'
import { authMiddlewareStack, storeSessions, type Session, type UserStore } from 'tideway/auth'
import { WebSocketConsumer } from 'tideway/consumer'
import { path, rePath, urlRouter } from 'tideway/routing'
import { allowedHostsOriginValidator } from 'tideway/security'
import { serve } from 'tideway/server'
import { expect, expectTypeOf, test } from 'vitest'
import { WebSocket } from 'ws'

import { defineApplication } from '../../src/application/define-application.ts'
import type { Application } from '../../src/asgi/application.ts'
import type { WebSocketScope } from '../../src/asgi/scope.ts'
import type { AnonymousUser, User } from '../../src/asgi/user.ts'

class ChatConsumer extends WebSocketConsumer<{ roomName: string }> {
  override async connect() {
    await this.accept()
    await this.send({
      text: `${this.scope.urlRoute.kwargs.roomName} welcomes ${this.scope.user.username || 'a guest'}`,
    })
  }
}

const websocketRoutes = [
  rePath(/^ws\/chat\/(?<roomName>\w+)\/$/, ChatConsumer.asApplication()),
  path('ws/room/:roomName/', ChatConsumer.asApplication()),
]
const users: UserStore = { findById: () => undefined }
const sessions = storeSessions()

test('compiles and runs the program of the seed', async () => {
  const application = defineApplication({
    websocket: allowedHostsOriginValidator(authMiddlewareStack(urlRouter(websocketRoutes), { sessions, users })),
  })
  const server = await serve(application, { port: 0 })
  try {
    const socket = new WebSocket(`${server.webSocketUrl}/ws/chat/lobby/`, { origin: server.url })
    const [text] = (await once(socket, 'message')) as [Buffer]
    expect(text.toString()).toBe('lobby welcomes a guest')
  } finally {
    await server.close(1000)
  }
})

test('accepts routers inside and outside the stack, also without options', () => {
  expectTypeOf(authMiddlewareStack(urlRouter(websocketRoutes))).toExtend<Application<WebSocketScope>>()
  const routes = [path('ws/room/:roomName/', authMiddlewareStack(ChatConsumer.asApplication()))]
  expectTypeOf(urlRouter(routes)).toExtend<Application<WebSocketScope>>()
})

test('reports a type error for a router whose consumers need a user that no middleware adds', () => {
  expectTypeOf(urlRouter(websocketRoutes)).not.toExtend<Application<WebSocketScope>>()
  defineApplication({
    // @ts-expect-error -- ChatConsumer needs scope.user, which authMiddlewareStack adds
    websocket: urlRouter(websocketRoutes),
  })
})

test('gives a consumer the session and its own type of users', () => {
  interface Person extends User {
    readonly email: string
  }
  class PersonalConsumer extends WebSocketConsumer<
    {},
    { readonly session: Session; readonly user: Person | AnonymousUser }
  > {}
  const people: UserStore<Person> = { findById: () => null }
  expectTypeOf(authMiddlewareStack(PersonalConsumer.asApplication(), { users: people })).toExtend<
    Application<WebSocketScope>
  >()
  expectTypeOf(authMiddlewareStack(PersonalConsumer.asApplication())).not.toExtend<Application<WebSocketScope>>()
})
