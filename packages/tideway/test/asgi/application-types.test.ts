import type { Application, Authenticated, HttpScope, LifespanScope, SendOf, WebSocketScope } from 'tideway/asgi'
import { describe, expectTypeOf, it } from 'vitest'

describe('the type of an application', () => {
  it('gives an application the events of its scope', () => {
    const application: Application<WebSocketScope> = async (scope, receive, send) => {
      expectTypeOf(scope.subprotocols).toEqualTypeOf<readonly string[]>()
      const event = await receive()
      expectTypeOf(event.type).toEqualTypeOf<'websocket.connect' | 'websocket.receive' | 'websocket.disconnect'>()
      await send({ type: 'websocket.accept' })
      // @ts-expect-error: an event of HTTP
      await send({ type: 'http.response.start', status: 200 })
      // @ts-expect-error: text and bytes at once
      await send({ type: 'websocket.send', text: '', bytes: new Uint8Array() })
      // @ts-expect-error: neither text nor bytes
      await send({ type: 'websocket.send' })
    }
    expectTypeOf(application).returns.toEqualTypeOf<Promise<void>>()
  })

  it('is assignable if it needs fewer keys, and never if it needs more', () => {
    expectTypeOf<Application<WebSocketScope>>().toExtend<Application<WebSocketScope & Authenticated>>()
    expectTypeOf<Application<WebSocketScope & Authenticated>>().not.toExtend<Application<WebSocketScope>>()
  })

  it('is assignable if it serves more scope types, and never if it serves fewer', () => {
    expectTypeOf<Application>().toExtend<Application<HttpScope>>()
    expectTypeOf<Application>().toExtend<Application<LifespanScope>>()
    expectTypeOf<Application<HttpScope | WebSocketScope>>().toExtend<Application<WebSocketScope>>()
    expectTypeOf<Application<HttpScope>>().not.toExtend<Application>()
    expectTypeOf<Application<HttpScope>>().not.toExtend<Application<HttpScope | WebSocketScope>>()
    expectTypeOf<Application<HttpScope>>().not.toExtend<Application<WebSocketScope>>()
  })

  it('allows middleware for any scope to pass receive and send on unchanged', () => {
    function withUser<S extends HttpScope | WebSocketScope>(inner: Application<S & Authenticated>): Application<S> {
      return (scope, receive, send) =>
        inner({ ...scope, user: { id: undefined, username: '', isAuthenticated: false } }, receive, send)
    }
    const inner: Application<WebSocketScope & Authenticated> = () => Promise.resolve()
    expectTypeOf(withUser(inner)).toEqualTypeOf<Application<WebSocketScope>>()
  })

  it('has a send that accepts nothing until it is narrowed, for several scope types', () => {
    const application: Application = async (scope, _receive, send) => {
      // @ts-expect-error: this may be a WebSocket
      await send({ type: 'http.response.start', status: 204 })
      if (scope.type === 'http') await (send as SendOf<HttpScope>)({ type: 'http.response.start', status: 204 })
    }
    expectTypeOf(application).toExtend<Application>()
  })
})
