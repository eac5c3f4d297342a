import type { Application, Authenticated, HttpScope, Routed, UrlRoute, WebSocketScope } from 'tideway/asgi'
import { authMiddlewareStack } from 'tideway/auth'
import { HttpConsumer, WebSocketConsumer } from 'tideway/consumer'
import { mount, path, protocolTypeRouter, rePath, urlRouter, type PathKwargs, type RegExpKwargs } from 'tideway/routing'
import { describe, expectTypeOf, it } from 'vitest'

/** Stands for an application with this scope. */
function application<S extends HttpScope | WebSocketScope>(): Application<S> {
  return () => Promise.resolve()
}

/** Middleware that adds the user. */
function withUser<S extends HttpScope | WebSocketScope>(inner: Application<S & Authenticated>): Application<S> {
  return (scope, receive, send) =>
    inner({ ...scope, user: { id: 1, username: 'ada', isAuthenticated: true } }, receive, send)
}

const plain = application<WebSocketScope>()
const room = application<WebSocketScope & Authenticated & { readonly urlRoute: UrlRoute<{ roomName: string }> }>()
const page = application<WebSocketScope & Routed<{ page: number }>>()

describe('PathKwargs', () => {
  it('has the parameters of the pattern, integers as numbers', () => {
    expectTypeOf<PathKwargs<'ws/chat/:roomName/<int:page>/'>>().toEqualTypeOf<{ roomName: string; page: number }>()
    expectTypeOf<PathKwargs<'<a>/<str:b>/<slug:c>/<uuid:d>/<path:e>/<uslug:f>'>>().toEqualTypeOf<
      Record<'a' | 'b' | 'c' | 'd' | 'e' | 'f', string>
    >()
    expectTypeOf<PathKwargs<'v<int:major>.<int:minor>/12:30'>>().toEqualTypeOf<{ major: number; minor: number }>()
  })
})

describe('RegExpKwargs', () => {
  it('has the named groups of a source, and any of a RegExp', () => {
    expectTypeOf<RegExpKwargs<'^(?<room>\\w+)/(?<=x)(\\d+)(?<!y)/(?<user>.)$'>>().toEqualTypeOf<{
      room: string
      user: string
    }>()
    expectTypeOf<RegExpKwargs<RegExp>>().toEqualTypeOf<Record<string, string>>()
    expectTypeOf<RegExpKwargs<string>>().toEqualTypeOf<Record<string, string>>()
  })
})

describe('the type of urlRouter', () => {
  it('needs the plain scope if patterns give the kwargs that applications need', () => {
    expectTypeOf(urlRouter([path('a/', plain)])).toEqualTypeOf<Application<WebSocketScope>>()
    expectTypeOf(urlRouter([path('p/<int:page>/', page)])).toEqualTypeOf<Application<WebSocketScope>>()
    expectTypeOf(urlRouter([path('a/', plain, { page: 1 }), path('b/', page, { page: 1 })])).toEqualTypeOf<
      Application<WebSocketScope>
    >()
  })

  it('needs what its applications need in addition, for middleware to add', () => {
    const router = urlRouter([path('ws/:roomName/', room), path('p/<int:page>/', page)])
    expectTypeOf(router).toEqualTypeOf<Application<WebSocketScope & Authenticated>>()
    protocolTypeRouter({ websocket: withUser(router) })
    // @ts-expect-error: nothing puts the user in
    protocolTypeRouter({ websocket: router })
  })

  it('assumes that a regular expression gives the needed kwargs as strings', () => {
    expectTypeOf(urlRouter([rePath(/ws\/chat\/(?<roomName>\w+)\/$/, room)])).toEqualTypeOf<
      Application<WebSocketScope & Authenticated>
    >()
    expectTypeOf(urlRouter([rePath(/(?<page>\d+)/, page)])).toEqualTypeOf<
      Application<WebSocketScope & Routed<{ page: number }>>
    >()
  })

  it('reads the named groups of a source', () => {
    expectTypeOf(urlRouter([rePath('^ws/(?<roomName>\\w+)/$', room)])).toEqualTypeOf<
      Application<WebSocketScope & Authenticated>
    >()
    expectTypeOf(urlRouter([rePath('^ws/(?<name>\\w+)/$', room)])).toEqualTypeOf<
      Application<WebSocketScope & Authenticated & Routed<{ roomName: string }>>
    >()
  })

  it('needs missing kwargs from the outer router', () => {
    const inner = urlRouter([path('', page), path('by/:roomName/', room)])
    expectTypeOf(inner).toEqualTypeOf<Application<WebSocketScope & Authenticated & Routed<{ page: number }>>>()
    expectTypeOf(urlRouter([mount('p/<int:page>/', inner)])).toEqualTypeOf<
      Application<WebSocketScope & Authenticated>
    >()
    expectTypeOf(urlRouter([mount('p/<int:page>/', withUser(inner))])).toEqualTypeOf<Application<WebSocketScope>>()
    // @ts-expect-error: no pattern has a page
    protocolTypeRouter({ websocket: withUser(urlRouter([mount('p/', inner)])) })
  })

  it('rejects a pattern that gives a kwarg another type than the application needs', () => {
    // @ts-expect-error: the page is text
    path(':page/', page)
    // @ts-expect-error: the page is text
    rePath('(?<page>\\d+)', page)
    // @ts-expect-error: the room name is a number
    mount('<int:roomName>/', room)
    // @ts-expect-error: the extra page is text
    path('<int:page>/', page, { page: '1' })
    path(':page/', page, { page: 1 })
  })

  it('needs no kwargs that are optional, unknown or not used', () => {
    const optional = application<WebSocketScope & Routed<{ page?: number }>>()
    const unknown = application<WebSocketScope & Routed>()
    const maybe = application<WebSocketScope & Partial<Routed>>()
    expectTypeOf(urlRouter([path('a/', optional), path('b/', unknown), path('c/', maybe)])).toEqualTypeOf<
      Application<WebSocketScope>
    >()
  })

  it('assumes that a pattern built at run time gives the needed kwargs', () => {
    const prefix: string = 'ws'
    expectTypeOf(urlRouter([path(`${prefix}/:roomName/`, room), mount(prefix, page)])).toEqualTypeOf<
      Application<WebSocketScope & Authenticated>
    >()
  })

  it('accepts an interface that declares its own urlRoute', () => {
    interface RoomScope extends WebSocketScope {
      readonly urlRoute: UrlRoute<{ roomName: string }>
      readonly tenant: string
    }
    const router = urlRouter([path(':roomName/', application<RoomScope>())])
    expectTypeOf<WebSocketScope & { readonly tenant: string }>().toExtend<Parameters<typeof router>[0]>()
    // @ts-expect-error: nothing puts the tenant in
    protocolTypeRouter({ websocket: router })
  })

  it('works for HTTP, for WebSockets, and for applications of both and of all scopes', () => {
    const http = application<HttpScope & Routed<{ id: number }>>()
    const both = application<HttpScope | WebSocketScope>()
    const all: Application = () => Promise.resolve()
    expectTypeOf(urlRouter([path('<int:id>/', http)])).toEqualTypeOf<Application<HttpScope>>()
    expectTypeOf(urlRouter([path('a/', both)])).toEqualTypeOf<Application<HttpScope | WebSocketScope>>()
    expectTypeOf(urlRouter([path('a/', all), path('b/', plain)])).toEqualTypeOf<Application<WebSocketScope>>()
    expectTypeOf(urlRouter([])).toEqualTypeOf<Application<HttpScope | WebSocketScope>>()
    protocolTypeRouter({ http: urlRouter([path('a/', both)]), websocket: urlRouter([path('a/', both)]) })
    // @ts-expect-error: there is no scope that is both
    protocolTypeRouter({ http: urlRouter([path('a/', plain), path('<int:id>/', http)]) })
  })

  it('types an inline application by the scope that it declares', () => {
    path('rooms/:name/', async (scope: WebSocketScope & Routed<{ name: string }>, receive, send) => {
      expectTypeOf(scope.urlRoute.kwargs.name).toEqualTypeOf<string>()
      await receive()
      await send({ type: 'websocket.accept' })
      // @ts-expect-error: this is a WebSocket
      await send({ type: 'http.response.start', status: 200 })
    })
  })

  it('accepts consumers and the middleware stacks of the framework', () => {
    class ChatConsumer extends WebSocketConsumer<{ roomName: string }> {}
    class TickerConsumer extends WebSocketConsumer<{}, object> {}
    class PageConsumer extends HttpConsumer<{ page: number }> {
      override handle() {}
    }
    const chat = urlRouter([path('ws/:roomName/', ChatConsumer.asApplication())])
    const inner = urlRouter([path('', ChatConsumer.asApplication()), path('ticker/', TickerConsumer.asApplication())])
    const http = urlRouter([mount('p/<int:page>/', urlRouter([path('', PageConsumer.asApplication())]))])
    protocolTypeRouter({ websocket: authMiddlewareStack(chat), http })
    protocolTypeRouter({ websocket: authMiddlewareStack(urlRouter([mount('ws/:roomName/', inner)])) })
    protocolTypeRouter({ websocket: urlRouter([mount('ws/:roomName/', authMiddlewareStack(inner))]) })
    // @ts-expect-error: no pattern has a room name
    protocolTypeRouter({ websocket: authMiddlewareStack(inner) })
    // @ts-expect-error: nothing puts the user in
    protocolTypeRouter({ websocket: chat })
  })

  it('keeps the types of routes in an array', () => {
    const routes = [path('ws/:roomName/', room), rePath(/^p\/(\d+)\/$/, plain)]
    expectTypeOf(urlRouter(routes)).toEqualTypeOf<Application<WebSocketScope & Authenticated>>()
    expectTypeOf(urlRouter([...routes, path('<int:page>/', page)])).toEqualTypeOf<
      Application<WebSocketScope & Authenticated>
    >()
  })
})
