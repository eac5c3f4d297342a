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

type Handler = (this: object, message: object) => void | PromiseLike<void>

// A letter first: "_private" and ".dot" are refused, as in Channels.
const typePattern = /^[a-zA-Z][a-zA-Z0-9]*(?:[._-]+[a-zA-Z0-9]+)*$/

/** Types that are remembered; a sender that makes up new ones all the time costs a look-up each, and no memory. */
const MAX_TYPES_KEPT = 1000

/** The method name for a message type, or `undefined` for a type that can have none. */
export function handlerNameOf(type: string): string | undefined {
  if (!typePattern.test(type)) return undefined
  return `on${type
    .split(/[._-]+/)
    .map((word) => word[0]!.toUpperCase() + word.slice(1))
    .join('')}`
}

/**
 * Finds the handlers of one consumer class. Only what is named `on…` can be found, so no message from outside reaches
 * `close`, `send` or the constructor.
 */
export class HandlerTable {
  readonly #known = new Map<string, Handler | undefined>()
  readonly #reported = new Set<string>()
  // One message goes to many consumers in a row: the next look-up is for the same string most of the time.
  #lastType: string | undefined
  #lastHandler: Handler | undefined

  /** The handler of the class for the type. `consumer` is one of its instances, whichever. */
  find(type: string, consumer: object): Handler | undefined {
    if (type === this.#lastType) return this.#lastHandler
    let handler = this.#known.get(type)
    if (handler === undefined && !this.#known.has(type)) {
      handler = this.#lookUp(type, consumer)
      if (this.#known.size < MAX_TYPES_KEPT) this.#known.set(type, handler)
    }
    this.#lastType = type
    this.#lastHandler = handler
    return handler
  }

  /** Whether this is the first time that the type is reported as unhandled: once is enough for a log. */
  isFirstReport(type: string): boolean {
    if (this.#reported.has(type) || this.#reported.size >= MAX_TYPES_KEPT) return false
    this.#reported.add(type)
    return true
  }

  #lookUp(type: string, consumer: object): Handler | undefined {
    const name = handlerNameOf(type)
    if (name === undefined) return undefined
    const found: unknown = Reflect.get(consumer, name)
    if (typeof found !== 'function') return undefined
    // A property that holds a function, `onChat = (event) => {…}`, is another one in each instance.
    return Object.hasOwn(consumer, name) ? callOwn(name) : (found as Handler)
  }
}

function callOwn(name: string): Handler {
  return function (this: object, message: object) {
    return (Reflect.get(this, name) as Handler).call(this, message)
  }
}
