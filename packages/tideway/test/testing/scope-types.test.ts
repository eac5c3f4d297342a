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
  it('has an anonymous user by default', () => {
    expect(new WebSocketCommunicator(NeedsUser.asApplication(), '/').scope.user).toBe(anonymousUser)
  })

  it('has the user, the layers and all other properties of the test', () => {
    const channelLayers = { default: new InMemoryChannelLayer() }
    const socket = new WebSocketCommunicator(NeedsUser.asApplication(), '/', {
      scope: { user: customer, channelLayers },
    })
    expect(socket.scope).toMatchObject({ user: customer, channelLayers })
    const state = { ready: true }
    expect(new WebSocketCommunicator(NeedsNothing.asApplication(), '/', { scope: { state } }).scope.state).toBe(state)
  })

  it('requires the properties of the application that no middleware adds', () => {
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

  it('requires a user if the application does not accept the anonymous one', () => {
    expect(
      new WebSocketCommunicator(NeedsCustomer.asApplication(), '/', { scope: { user: customer } }).scope.user.plan,
    ).toBe('free')
    // @ts-expect-error An anonymous user has no plan.
    void new WebSocketCommunicator(NeedsCustomer.asApplication(), '/')
    // @ts-expect-error Nor has any user.
    void new WebSocketCommunicator(NeedsCustomer.asApplication(), '/', { scope: { user: anonymousUser } })
  })

  it('requires no property that a router or middleware adds', () => {
    const routed = urlRouter([path('ws/:room/', NeedsRoom.asApplication())])
    void new WebSocketCommunicator(routed, '/ws/lobby/')
    void new WebSocketCommunicator(authMiddlewareStack(routed), '/ws/lobby/')
    void new WebSocketCommunicator(defineApplication({ websocket: authMiddlewareStack(routed) }), '/ws/lobby/')
    void new HttpCommunicator(defineApplication({}), 'GET', '/')
  })

  it('accepts any property if the application needs none', () => {
    const application: Application<WebSocketScope> = async () => {}
    const { scope } = new WebSocketCommunicator(application, '/', { scope: { tenant: 'acme' } })
    expect(scope).toMatchObject({ tenant: 'acme' })
    // @ts-expect-error But not another type of what every scope has.
    void new WebSocketCommunicator(application, '/', { scope: { rootPath: 1 } })
    // @ts-expect-error The consumer asks for a room and a user: a tenant is a slip.
    void new WebSocketCommunicator(NeedsRoom.asApplication(), '/', { scope: { urlRoute, tenant: 'acme' } })
  })

  it('rejects properties that the request decides', () => {
    // @ts-expect-error The path is in the URL.
    void new WebSocketCommunicator(NeedsUser.asApplication(), '/', { scope: { path: '/other/' } })
  })

  it('has the same rules for HTTP', () => {
    const request = new HttpCommunicator(NeedsTenant.asApplication(), 'GET', '/', { scope: { tenant: 'acme' } })
    expect(request.scope.tenant).toBe('acme')
    // @ts-expect-error The consumer needs a tenant.
    void new HttpCommunicator(NeedsTenant.asApplication(), 'GET', '/')
  })

  it('is assignable to the general communicator type', () => {
    const any: WebSocketCommunicator[] = [new WebSocketCommunicator(NeedsUser.asApplication(), '/')]
    expect(any).toHaveLength(1)
  })

  it('rejects an application of another protocol', () => {
    // @ts-expect-error An HTTP consumer takes no WebSocket.
    void new WebSocketCommunicator(NeedsTenant.asApplication(), '/', { scope: { tenant: 'acme' } })
  })

  it('is passed completely to an ApplicationCommunicator', () => {
    const application: Application<WebSocketScope> = async () => {}
    // @ts-expect-error That one builds no scope.
    void new ApplicationCommunicator(application)
  })
})
