import { TidewayError } from '../errors/tideway-error.ts'
import { eventCalls, messageCalls, type Handler, type HandlerCalls, type Method } from './handler-calls.ts'
import { SharedHandler, type SharingHooks, type StaticHandler } from './static-handler.ts'

/** Maximum cached types. A sender of ever new types costs a look-up per message, and no memory. */
const MAX_TYPES_KEPT = 1000

/**
 * Finds the handlers of one consumer class. It finds only methods named `on…`, so that no message reaches `close`, `send` or
 * the constructor.
 */
export class HandlerTable {
  readonly #class: Function
  readonly #hooks: SharingHooks
  readonly #calls: HandlerCalls
  #ofEvents: HandlerTable | undefined
  readonly #known = new Map<string, Handler | undefined>()
  readonly #reported = new Set<string>()
  // One message goes to many consumers in a row: usually the next look-up is for the same string.
  #lastType: string | undefined
  #lastHandler: Handler | undefined

  /** @throws TidewayError `ERR_BAD_OPTION` if a handler is both static and an instance method */
  constructor(consumerClass: Function, hooks: SharingHooks, calls: HandlerCalls = messageCalls) {
    this.#class = consumerClass
    this.#hooks = hooks
    this.#calls = calls
    for (const level of levelsOf(consumerClass)) requireOneOfEach(level)
  }

  /** The handlers of the class for events of kept groups. Made at their first use. */
  get ofEvents(): HandlerTable {
    return (this.#ofEvents ??= new HandlerTable(this.#class, this.#hooks, eventCalls))
  }

  /** Returns the handler of the class for the type. `consumer` is any instance. */
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

  /** Whether the type is unreported so far, so that it is logged once. */
  isFirstReport(type: string): boolean {
    if (this.#reported.has(type) || this.#reported.size >= MAX_TYPES_KEPT) return false
    this.#reported.add(type)
    return true
  }

  #lookUp(type: string, consumer: object): Handler | undefined {
    const name = this.#calls.nameOf(type)
    if (name === undefined) return undefined
    // A property with a function, `onChat = (event) => {…}`, differs between instances.
    if (typeof ownValue(consumer, name) === 'function') return this.#calls.ofProperty(name)
    // A subclass may replace a method by a static handler, and a static handler by a method.
    for (const level of levelsOf(this.#class)) {
      const shared = ownValue(level, name)
      if (typeof shared === 'function') {
        return SharedHandler.of(this.#class, this.#calls.ofStatic(shared as StaticHandler), this.#hooks)
      }
      if (Object.hasOwn(level.prototype as object, name)) break
    }
    const found: unknown = Reflect.get(consumer, name)
    return typeof found === 'function' ? this.#calls.ofMethod(found as Method) : undefined
  }
}

/** The class and its base classes. */
function* levelsOf(consumerClass: Function): Generator<Function> {
  let level = consumerClass
  while (level !== Function.prototype) {
    yield level
    level = Object.getPrototypeOf(level) as Function
  }
}

function ownValue(owner: object, name: string): unknown {
  return Object.getOwnPropertyDescriptor(owner, name)?.value
}

function requireOneOfEach(level: Function): void {
  for (const name of Object.getOwnPropertyNames(level)) {
    if (!/^on[A-Z]/.test(name) || !Object.hasOwn(level.prototype as object, name)) continue
    throw new TidewayError('ERR_BAD_OPTION', `${level.name} has both ${name}() and static ${name}(): keep one of them.`)
  }
}
