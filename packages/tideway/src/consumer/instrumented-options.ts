import type { HandlerCall, HandlerInstrumentation } from '../asgi/instrumentation.ts'
import type { Handler } from './handler-calls.ts'
import type { HandlerLookup, HandlersOfClass, ProtocolEvent, RunOptions } from './run-options.ts'

type Run = NonNullable<HandlerInstrumentation['handler']>

/**
 * Returns the options with the instrumentation around every handler. Made per instrumented connection, so that others have no
 * cost per message.
 */
export function instrumentedOptions<Event extends ProtocolEvent>(
  options: RunOptions<Event>,
  instrumentation: HandlerInstrumentation | undefined,
): RunOptions<Event> {
  if (instrumentation?.handler === undefined) return options
  const { name: consumer, hooks, lastEventType } = options
  const run: Run = (call, handle) => instrumentation.handler!(call, handle)
  // The events of a named channel are messages.
  const isChannel = lastEventType === undefined
  return {
    ...options,
    handlers: instrumentedHandlers(options.handlers, consumer, run),
    hooks: {
      ...hooks,
      handleEvent(target, event) {
        if (isChannel) return hooks.handleEvent(target, event)
        return run({ consumer, type: event.type, event }, () => hooks.handleEvent(target, event))
      },
      handleEnd(target, code, reason) {
        const type = lastEventType ?? 'end'
        return run({ consumer, type, event: { type, code, reason } }, () => hooks.handleEnd(target, code, reason))
      },
    },
  }
}

function instrumentedHandlers(handlers: HandlersOfClass, consumer: string, run: Run): HandlersOfClass {
  const messages = new InstrumentedHandlers(handlers, consumer, run)
  let events: HandlerLookup | undefined
  return {
    find: (type, target) => messages.find(type, target),
    isFirstReport: (type) => messages.isFirstReport(type),
    get ofEvents() {
      return (events ??= new InstrumentedHandlers(handlers.ofEvents, consumer, run))
    },
  }
}

/** The handlers of a class with the instrumentation of one connection. */
class InstrumentedHandlers implements HandlerLookup {
  readonly #inner: HandlerLookup
  readonly #consumer: string
  readonly #run: Run

  constructor(inner: HandlerLookup, consumer: string, run: Run) {
    this.#inner = inner
    this.#consumer = consumer
    this.#run = run
  }

  find(type: string, target: object): Handler | undefined {
    const handler = this.#inner.find(type, target)
    if (handler === undefined) return undefined
    const run = this.#run
    const consumer = this.#consumer
    return {
      handle(recipient, event) {
        const call: HandlerCall = { consumer, type, event }
        return run(call, () => handler.handle(recipient, event))
      },
    }
  }

  isFirstReport(type: string): boolean {
    return this.#inner.isFirstReport(type)
  }
}
