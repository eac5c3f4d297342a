import type { TextOrBytes } from './text-or-bytes.ts'

type Capitalized<Word extends string> = Word extends `${infer Head}${infer Tail}` ? `${Uppercase<Head>}${Tail}` : Word

// One separator at a time: a union of separators would give a union of names.
type PascalCase<Type extends string> = Type extends `${infer Head}.${infer Tail}`
  ? `${PascalCase<Head>}${PascalCase<Tail>}`
  : Type extends `${infer Head}_${infer Tail}`
    ? `${PascalCase<Head>}${PascalCase<Tail>}`
    : Type extends `${infer Head}-${infer Tail}`
      ? `${PascalCase<Head>}${PascalCase<Tail>}`
      : Capitalized<Type>

/** The method that handles a message type: `on` and the type in PascalCase; `.`, `_` and `-` separate words. */
export type HandlerName<Type extends string> = `on${PascalCase<Type>}`

/**
 * The handlers that a consumer needs for its events. The compiler checks them:
 * `class ChatConsumer extends WebSocketConsumer implements Handlers<{ 'chat.message': { message: string } }>`.
 */
export type Handlers<Events extends object> = {
  readonly [Type in keyof Events & string as HandlerName<Type>]: (
    event: Events[Type] & { readonly type: Type },
  ) => void | Promise<void>
}

/**
 * The static handlers that a consumer class needs for its events. The compiler checks them:
 * `ChatConsumer satisfies StaticHandlers<{ 'chat.message': { message: string } }>`. `Content` is their result: a message by
 * default, any JSON value for a `JsonWebSocketConsumer`.
 */
export type StaticHandlers<Events extends object, Content = TextOrBytes> = {
  readonly [Type in keyof Events & string as HandlerName<Type>]: (
    event: Events[Type] & { readonly type: Type },
  ) => MaybeLater<Content>
}

/** The result of a static handler: content or a promise of it. `undefined` sends nothing. */
type MaybeLater<Content> = Content | void | Promise<Content | void>

/** The content type of the class's static handlers: the parameter of `sendJson()`, else of `send()`. */
type ContentOf<C> = C extends { sendJson(content: infer Content): unknown }
  ? Content
  : C extends { send(message: infer Content): unknown }
    ? Content
    : never

/** Requires that the class's static handlers return what its consumers can send. */
export type WithStaticHandlers<Class, C> = {
  readonly [Name in keyof Class as Name extends `on${Capitalize<string>}` ? Name : never]: Class[Name] extends (
    ...args: infer Args
  ) => unknown
    ? (...args: Args) => MaybeLater<ContentOf<C>>
    : Class[Name]
}

// Starts with a letter: "_private" and ".dot" are invalid, as in Channels.
const typePattern = /^[a-zA-Z][a-zA-Z0-9]*(?:[._-]+[a-zA-Z0-9]+)*$/

/** Returns the method name for a message type, or `undefined` if the type cannot have one. */
export function handlerNameOf(type: string): string | undefined {
  if (!typePattern.test(type)) return undefined
  return `on${type
    .split(/[._-]+/)
    .map((word) => word[0]!.toUpperCase() + word.slice(1))
    .join('')}`
}
