import {
  authMiddlewareStack,
  defineApplication,
  HttpConsumer,
  InMemoryChannelLayer,
  path,
  urlRouter,
  WebSocketConsumer,
  type User,
} from 'tideway'
import { anonymousUser, type Application, type WebSocketScope } from 'tideway/asgi'
import { ApplicationCommunicator, HttpCommunicator, WebSocketCommunicator } from 'tideway/testing'
import { describe, expect, expectTypeOf, it } from 'vitest'

class NeedsUser extends WebSocketConsumer {}
class NeedsNothing extends WebSocketConsumer<{}, {}> {}
class NeedsRoom extends WebSocketConsumer<{ room: string }> {}
interface Customer extends User {
  readonly plan: 'free' | 'paid'
}
class NeedsCustomer extends WebSocketConsumer<{}, { readonly user: Customer }> {}
class NeedsTenant extends HttpConsumer<{}, { readonly tenant: string }> {
  override handle() {}
}

const customer: Customer = { id: 1, username: 'anna', isAuthenticated: true, plan: 'free' }
const urlRoute = { args: [], kwargs: { room: 'lobby' } }

describe('the scope of a communicator', () => {
  it('has an anonymous user where the application asks for a user and the test gives none', () => {
    expect(new WebSocketCommunicator(NeedsUser.asApplication(), '/').scope.user).toBe(anonymousUser)
  })

  it('has the user, the layers and whatever else the test gives', () => {
    const channelLayers = { default: new InMemoryChannelLayer() }
    const socket = new WebSocketCommunicator(NeedsUser.asApplication(), '/', {
      scope: { user: customer, channelLayers },
    })
    expect(socket.scope).toMatchObject({ user: customer, channelLayers })
    const state = { ready: true }
    expect(new WebSocketCommunicator(NeedsNothing.asApplication(), '/', { scope: { state } }).scope.state).toBe(state)
  })

  it('needs what the application asks for and nobody gives', () => {
    const socket = new WebSocketCommunicator(NeedsRoom.asApplication(), '/', { scope: { urlRoute } })
    expectTypeOf(socket.scope.urlRoute.kwargs.room).toEqualTypeOf<string>()
    expect(socket.scope.urlRoute.kwargs.room).toBe('lobby')
    // @ts-expect-error The consumer needs urlRoute, and no router gives it.
    expect(new WebSocketCommunicator(NeedsRoom.asApplication(), '/').scope.urlRoute).toBeUndefined()
    // @ts-expect-error It is there, but not as the consumer needs it.
    void new WebSocketCommunicator(NeedsRoom.asApplication(), '/', { scope: { urlRoute: { args: [], kwargs: {} } } })
    // @ts-expect-error Options, but no scope.
    void new WebSocketCommunicator(NeedsRoom.asApplication(), '/', { subprotocols: [] })
  })

  it('needs a user where an anonymous one will not do', () => {
    expect(
      new WebSocketCommunicator(NeedsCustomer.asApplication(), '/', { scope: { user: customer } }).scope.user.plan,
    ).toBe('free')
    // @ts-expect-error An anonymous user has no plan.
    void new WebSocketCommunicator(NeedsCustomer.asApplication(), '/')
    // @ts-expect-error Nor has any user.
    void new WebSocketCommunicator(NeedsCustomer.asApplication(), '/', { scope: { user: anonymousUser } })
  })

  it('needs nothing behind the router and the middleware that give it', () => {
    const routed = urlRouter([path('ws/:room/', NeedsRoom.asApplication())])
    void new WebSocketCommunicator(routed, '/ws/lobby/')
    void new WebSocketCommunicator(authMiddlewareStack(routed), '/ws/lobby/')
    void new WebSocketCommunicator(defineApplication({ websocket: authMiddlewareStack(routed) }), '/ws/lobby/')
    void new HttpCommunicator(defineApplication({}), 'GET', '/')
  })

  it('may be anything where the application asks for nothing', () => {
    const application: Application<WebSocketScope> = async () => {}
    const { scope } = new WebSocketCommunicator(application, '/', { scope: { tenant: 'acme' } })
    expect(scope).toMatchObject({ tenant: 'acme' })
    // @ts-expect-error But not another type of what every scope has.
    void new WebSocketCommunicator(application, '/', { scope: { rootPath: 1 } })
    // @ts-expect-error The consumer asks for a room and a user: a tenant is a slip.
    void new WebSocketCommunicator(NeedsRoom.asApplication(), '/', { scope: { urlRoute, tenant: 'acme' } })
  })

  it('leaves to the request what the request says', () => {
    // @ts-expect-error The path is in the URL.
    void new WebSocketCommunicator(NeedsUser.asApplication(), '/', { scope: { path: '/other/' } })
  })

  it('is the same for HTTP', () => {
    const request = new HttpCommunicator(NeedsTenant.asApplication(), 'GET', '/', { scope: { tenant: 'acme' } })
    expect(request.scope.tenant).toBe('acme')
    // @ts-expect-error The consumer needs a tenant.
    void new HttpCommunicator(NeedsTenant.asApplication(), 'GET', '/')
  })

  it('fits where any communicator is asked for', () => {
    const any: WebSocketCommunicator[] = [new WebSocketCommunicator(NeedsUser.asApplication(), '/')]
    expect(any).toHaveLength(1)
  })

  it('refuses an application for something else', () => {
    // @ts-expect-error An HTTP consumer takes no WebSocket.
    void new WebSocketCommunicator(NeedsTenant.asApplication(), '/', { scope: { tenant: 'acme' } })
  })

  it('is given whole to an ApplicationCommunicator', () => {
    const application: Application<WebSocketScope> = async () => {}
    // @ts-expect-error That one builds no scope.
    void new ApplicationCommunicator(application)
  })
})
