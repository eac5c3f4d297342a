import type { TextOrBytes } from './text-or-bytes.ts'

type Capitalized<Word extends string> = Word extends `${infer Head}${infer Tail}` ? `${Uppercase<Head>}${Tail}` : Word

// One separator after the other: a union of them would match at each of its members, and give a union of names.
type PascalCase<Type extends string> = Type extends `${infer Head}.${infer Tail}`
  ? `${PascalCase<Head>}${PascalCase<Tail>}`
  : Type extends `${infer Head}_${infer Tail}`
    ? `${PascalCase<Head>}${PascalCase<Tail>}`
    : Type extends `${infer Head}-${infer Tail}`
      ? `${PascalCase<Head>}${PascalCase<Tail>}`
      : Capitalized<Type>

/** The method that handles a message type: `on` and the type in PascalCase; `.`, `_` and `-` part its words. */
export type HandlerName<Type extends string> = `on${PascalCase<Type>}`

/**
 * The handlers that a consumer needs for its events, to be checked by the compiler:
 * `class ChatConsumer extends WebSocketConsumer implements Handlers<{ 'chat.message': { message: string } }>`.
 */
export type Handlers<Events extends object> = {
  readonly [Type in keyof Events & string as HandlerName<Type>]: (
    event: Events[Type] & { readonly type: Type },
  ) => void | Promise<void>
}

/**
 * The static handlers that a consumer class needs for its events, to be checked by the compiler:
 * `ChatConsumer satisfies SharedHandlers<{ 'chat.message': { message: string } }>`. `Content` is what they return: a message
 * by default, anything that JSON can hold for a `JsonWebSocketConsumer`.
 */
export type SharedHandlers<Events extends object, Content = TextOrBytes> = {
  readonly [Type in keyof Events & string as HandlerName<Type>]: (
    event: Events[Type] & { readonly type: Type },
  ) => MaybeLater<Content>
}

/** What a static handler may return: content, now or later, or nothing, and nothing is sent. */
type MaybeLater<Content> = Content | void | Promise<Content | void>

/** What the static handlers of these consumers return content of: what `sendJson()` takes, else what `send()` takes. */
type ContentOf<C> = C extends { sendJson(content: infer Content): unknown }
  ? Content
  : C extends { send(message: infer Content): unknown }
    ? Content
    : never

/** The class as it has to be: its static handlers return what its consumers can send. */
export type WithStaticHandlers<Class, C> = {
  readonly [Name in keyof Class as Name extends `on${Capitalize<string>}` ? Name : never]: Class[Name] extends (
    ...args: infer Args
  ) => unknown
    ? (...args: Args) => MaybeLater<ContentOf<C>>
    : Class[Name]
}

// A letter first: "_private" and ".dot" are refused, as in Channels.
const typePattern = /^[a-zA-Z][a-zA-Z0-9]*(?:[._-]+[a-zA-Z0-9]+)*$/

/** The method name for a message type, or `undefined` for a type that can have none. */
export function handlerNameOf(type: string): string | undefined {
  if (!typePattern.test(type)) return undefined
  return `on${type
    .split(/[._-]+/)
    .map((word) => word[0]!.toUpperCase() + word.slice(1))
    .join('')}`
}
