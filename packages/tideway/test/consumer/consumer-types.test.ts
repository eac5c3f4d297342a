import {
  authMiddlewareStack,
  Consumer,
  defineApplication,
  HttpConsumer,
  JsonWebSocketConsumer,
  path,
  rePath,
  urlRouter,
  WebSocketConsumer,
  type Handlers,
  type StaticHandlers,
  type TextOrBytes,
  type User,
} from 'tideway'
import type { HandlerName } from 'tideway/consumer'
import type { Application, ChannelScope, WebSocketScope } from 'tideway/asgi'
import { describe, expectTypeOf, it } from 'vitest'

type ChatEvents = {
  'chat.message': { message: string; user: string }
  chat_typing: { user: string }
}

// These hold at compile time: `tsc -b packages/tideway/test` fails where they do not.
describe('the type of a consumer', () => {
  it('names a handler after its event', () => {
    expectTypeOf<HandlerName<'chat.message'>>().toEqualTypeOf<'onChatMessage'>()
    expectTypeOf<HandlerName<'chat_message'>>().toEqualTypeOf<'onChatMessage'>()
    expectTypeOf<HandlerName<'chat-message'>>().toEqualTypeOf<'onChatMessage'>()
    expectTypeOf<HandlerName<'chat.v2_user-JOINED'>>().toEqualTypeOf<'onChatV2UserJOINED'>()
    expectTypeOf<HandlerName<'chat..message'>>().toEqualTypeOf<'onChatMessage'>()
    expectTypeOf<HandlerName<'chatMessage'>>().toEqualTypeOf<'onChatMessage'>()
  })

  it('requires a handler for each event', () => {
    class Complete extends WebSocketConsumer implements Handlers<ChatEvents> {
      onChatMessage(event: ChatEvents['chat.message']) {
        return this.send({ text: event.message })
      }
      onChatTyping() {}
    }
    // @ts-expect-error onChatTyping is missing.
    class Missing extends WebSocketConsumer implements Handlers<ChatEvents> {
      onChatMessage() {}
    }
    class Wrong extends WebSocketConsumer implements Handlers<ChatEvents> {
      // @ts-expect-error The event has no such property.
      onChatMessage(_event: { text: string }) {}
      onChatTyping() {}
    }
    class Typo extends WebSocketConsumer implements Handlers<ChatEvents> {
      onChatMessage() {}
      // @ts-expect-error A handler returns nothing, or a promise of nothing.
      onChatTyping() {
        return 'typing'
      }
    }
    void [Complete, Missing, Wrong, Typo]
  })

  it('passes a handler its event with the type', () => {
    expectTypeOf<Parameters<Handlers<ChatEvents>['onChatMessage']>[0]>().toEqualTypeOf<
      { message: string; user: string } & { readonly type: 'chat.message' }
    >()
  })

  it('requires that a static handler returns a message, or JSON content', () => {
    class Chat extends WebSocketConsumer<{}, {}> {
      static onText({ message }: ChatEvents['chat.message']) {
        return { text: message }
      }
      static onBytes() {
        return { bytes: new Uint8Array() }
      }
      static onLater() {
        return Promise.resolve({ text: '' })
      }
      static onSome({ user }: { user: string }) {
        return user === '' ? undefined : { text: user }
      }
      static onNothing() {}
      /** No handler: not in Pascal case. */
      static once() {
        return 1
      }
    }
    class Json extends JsonWebSocketConsumer<{}, {}> {
      static onChatMessage({ message, user }: ChatEvents['chat.message']) {
        return { message, user }
      }
      override receiveJson() {}
    }
    class Bare extends WebSocketConsumer<{}, {}> {
      static onChatMessage({ message }: ChatEvents['chat.message']) {
        return message
      }
    }
    class Number extends WebSocketConsumer<{}, {}> {
      static async onChatMessage() {
        return Promise.resolve({ text: 1 })
      }
    }
    void defineApplication({ websocket: Chat.asApplication() })
    void defineApplication({ websocket: Json.asApplication() })
    class Page extends HttpConsumer {
      static onChatMessage({ message }: ChatEvents['chat.message']) {
        return { text: message }
      }
      override handle() {}
    }
    // @ts-expect-error It has no messages to share.
    void Page.asApplication()
    // @ts-expect-error A string is no message.
    void Bare.asApplication()
    // @ts-expect-error Text is a string.
    void Number.asApplication()
  })

  it('hides the connection from a static handler', () => {
    class Chat extends WebSocketConsumer<{}, {}> {
      static onChatMessage({ message }: ChatEvents['chat.message']) {
        // @ts-expect-error Which connection?
        void this.send({ text: message })
        // @ts-expect-error Whose scope?
        void this.scope
        return { text: message }
      }
    }
    void Chat
  })

  it('checks static handlers against their events', () => {
    class Chat extends WebSocketConsumer<{}, {}> implements Handlers<Pick<ChatEvents, 'chat_typing'>> {
      static onChatMessage({ message }: ChatEvents['chat.message']) {
        return { text: message }
      }
      onChatTyping() {}
    }
    void (Chat satisfies StaticHandlers<Pick<ChatEvents, 'chat.message'>>)
    // @ts-expect-error onChatTyping is not static.
    void (Chat satisfies StaticHandlers<ChatEvents>)
    // @ts-expect-error The event has no such property.
    void (Chat satisfies StaticHandlers<{ 'chat.message': { text: string } }>)
    class Json extends JsonWebSocketConsumer<{}, {}> {
      static onChatMessage({ message }: ChatEvents['chat.message']) {
        return [message]
      }
      override receiveJson() {}
    }
    void (Json satisfies StaticHandlers<Pick<ChatEvents, 'chat.message'>, unknown>)
    // @ts-expect-error An array is no message.
    void (Json satisfies StaticHandlers<Pick<ChatEvents, 'chat.message'>>)
  })

  it('passes the arguments of the URL, and requires them of the route', () => {
    class Room extends WebSocketConsumer<{ room: string; page: number }, {}> {
      override connect() {
        expectTypeOf(this.scope.urlRoute.kwargs).toEqualTypeOf<{ room: string; page: number }>()
        // @ts-expect-error No such argument.
        void this.scope.urlRoute.kwargs.rooms
        return this.accept()
      }
    }
    void defineApplication({ websocket: urlRouter([path('ws/:room/<int:page>/', Room.asApplication())]) })
    // @ts-expect-error A page of the pattern is a string.
    void path('ws/:room/:page/', Room.asApplication())
    // @ts-expect-error The pattern gives no page.
    void defineApplication({ websocket: urlRouter([path('ws/:room/', Room.asApplication())]) })
    // @ts-expect-error No router gives anything.
    void defineApplication({ websocket: Room.asApplication() })
  })

  it('omits urlRoute for a consumer without arguments', () => {
    class Plain extends WebSocketConsumer<{}, {}> {
      override connect() {
        // @ts-expect-error It may be served without a router.
        void this.scope.urlRoute.kwargs
        return this.accept()
      }
    }
    void defineApplication({ websocket: Plain.asApplication() })
    void defineApplication({ websocket: urlRouter([path('ws/', Plain.asApplication())]) })
  })

  it('passes a user, and requires it of the middleware', () => {
    class Members extends WebSocketConsumer<{ room: string }> {
      override connect() {
        expectTypeOf(this.scope.user).toEqualTypeOf<User>()
        return this.accept()
      }
    }
    const routes = urlRouter([rePath(/^ws\/(?<room>\w+)\/$/, Members.asApplication())])
    void defineApplication({ websocket: authMiddlewareStack(routes) })
    // @ts-expect-error There is no user without authMiddlewareStack.
    void defineApplication({ websocket: routes })
    expectTypeOf(routes).not.toExtend<Application<WebSocketScope>>()
    expectTypeOf(authMiddlewareStack(routes)).toExtend<Application<WebSocketScope>>()
  })

  it('needs no user if the consumer serves every client', () => {
    class EveryClient extends WebSocketConsumer<{}, object> {
      override connect() {
        // @ts-expect-error It has asked for none.
        void this.scope.user
        return this.accept()
      }
    }
    void defineApplication({ websocket: EveryClient.asApplication() })
  })

  it('passes the additions of the middleware', () => {
    class Tenant extends JsonWebSocketConsumer<{}, { readonly tenant: { readonly id: number } }> {
      override receiveJson(content: unknown) {
        expectTypeOf(content).toEqualTypeOf<unknown>()
        return this.sendJson(this.scope.tenant.id)
      }
    }
    // @ts-expect-error No middleware adds a tenant.
    void defineApplication({ websocket: Tenant.asApplication() })
    class TenantPage extends HttpConsumer<{}, { readonly tenant: string }> {
      override handle() {
        return this.sendResponse(this.scope.tenant)
      }
    }
    // @ts-expect-error No middleware adds a tenant.
    void defineApplication({ http: TenantPage.asApplication() })
  })

  it('requires the constructor arguments in asApplication()', () => {
    class Greeting extends WebSocketConsumer<{}, {}> {
      readonly text: string
      constructor(text: string) {
        super()
        this.text = text
      }
    }
    expectTypeOf(Greeting.asApplication).toBeFunction()
    void Greeting.asApplication('hello')
    // @ts-expect-error The text is missing.
    void Greeting.asApplication()
    // @ts-expect-error It is none.
    void Greeting.asApplication(1)
  })

  it('rejects asApplication() of an abstract class', () => {
    // @ts-expect-error receiveJson is missing.
    expectTypeOf(() => JsonWebSocketConsumer.asApplication()).toBeFunction()
    // @ts-expect-error handle is missing.
    expectTypeOf(() => HttpConsumer.asApplication()).toBeFunction()
  })

  it('distinguishes text from bytes', () => {
    class Telling extends WebSocketConsumer {
      override receive(message: TextOrBytes) {
        if (message.text === undefined) expectTypeOf(message.bytes).toEqualTypeOf<Uint8Array>()
        else expectTypeOf(message.text).toEqualTypeOf<string>()
        // @ts-expect-error One of them.
        void this.send({ text: '', bytes: new Uint8Array() })
        // @ts-expect-error One of them.
        void this.send({})
      }
    }
    void Telling
  })

  it('accepts only the consumer of the scope type for each scope', () => {
    class Page extends HttpConsumer {
      override handle() {}
    }
    class Socket extends WebSocketConsumer<{}, {}> {}
    class Job extends Consumer {}
    void defineApplication({
      http: Page.asApplication(),
      websocket: Socket.asApplication(),
      channel: Job.asApplication(),
    })
    expectTypeOf(Job.asApplication()).toEqualTypeOf<Application<ChannelScope>>()
    // @ts-expect-error A page is no WebSocket.
    void defineApplication({ websocket: Page.asApplication() })
    // @ts-expect-error A WebSocket is no page.
    void defineApplication({ http: Socket.asApplication() })
    // @ts-expect-error A job is no page.
    void defineApplication({ http: Job.asApplication() })
  })
})
