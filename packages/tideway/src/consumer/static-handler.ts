import { hiddenField } from '../errors/hidden-field.ts'

/** The protocol event sent to every recipient of a static handler. */
export interface SharedEvent {
  readonly type: string
}

/** The hook of a consumer class for static handlers. */
export interface SharingHooks {
  /** Encodes the handler's result as the event for all recipients. `undefined` sends nothing. Uses the encoder of `consumer`. */
  sharedEvent(consumer: object, returned: unknown): SharedEvent | undefined
}

/** One recipient of a message: the run of a consumer. */
export interface Recipient {
  readonly consumer: object
  /** Sends the event of all recipients on the consumer's connection. */
  sendShared(event: SharedEvent): void | PromiseLike<void>
}

/** A static method of a consumer class that handles messages. */
export type StaticHandler = (this: object, message: object) => unknown

/** The error of a static handler for all recipients but the first, which reports it. */
export class SharedFailure {
  readonly error: unknown

  constructor(error: unknown) {
    this.error = error
  }
}

/** The result of a static handler for one message. If no field is set, nothing is sent. */
interface Answer {
  event?: SharedEvent | undefined
  /** The handler is still running. */
  pending?: Promise<void> | undefined
  failure?: SharedFailure | undefined
  isFailureReported?: boolean
}

const sharedHandlers = new WeakMap<object, Map<StaticHandler, SharedHandler>>()

/**
 * A static handler of a consumer class. It runs once per message. Its result becomes one event, which each recipient is sent
 * in its turn.
 */
export class SharedHandler {
  readonly #class: object
  readonly #handler: StaticHandler
  readonly #hooks: SharingHooks
  // Idle recipients get a message one directly after the other.
  #lastMessage: object | undefined
  #lastAnswer: Answer | undefined
  /** For busy recipients. An answer is collected with its message. */
  readonly #answers = hiddenField<object, Answer>()

  /** Returns the instance of the class, whose consumers may serve several routes. */
  static of(consumerClass: object, handler: StaticHandler, hooks: SharingHooks): SharedHandler {
    let ofClass = sharedHandlers.get(consumerClass)
    if (ofClass === undefined) sharedHandlers.set(consumerClass, (ofClass = new Map()))
    let shared = ofClass.get(handler)
    if (shared === undefined) ofClass.set(handler, (shared = new SharedHandler(consumerClass, handler, hooks)))
    return shared
  }

  private constructor(consumerClass: object, handler: StaticHandler, hooks: SharingHooks) {
    this.#class = consumerClass
    this.#handler = handler
    this.#hooks = hooks
  }

  /** Handles the message for one recipient. */
  handle(recipient: Recipient, message: object): void | PromiseLike<void> {
    const answer = message === this.#lastMessage ? this.#lastAnswer! : this.#answerTo(message, recipient.consumer)
    if (answer.event !== undefined) return recipient.sendShared(answer.event)
    if (answer.pending !== undefined) return answer.pending.then(() => this.#give(answer, recipient))
    return this.#give(answer, recipient)
  }

  /** The event that was sent to an earlier recipient of the message. */
  answered(message: object): SharedEvent | undefined {
    return message === this.#lastMessage ? this.#lastAnswer!.event : undefined
  }

  #give(answer: Answer, recipient: Recipient): void | PromiseLike<void> {
    if (answer.event !== undefined) return recipient.sendShared(answer.event)
    const { failure } = answer
    if (failure === undefined) return undefined
    if (answer.isFailureReported) throw failure
    answer.isFailureReported = true
    throw failure.error
  }

  #answerTo(message: object, consumer: object): Answer {
    let answer = this.#answers.get(message)
    if (answer === undefined) {
      answer = this.#ask(message, consumer)
      this.#answers.set(message, answer)
    }
    this.#lastMessage = message
    this.#lastAnswer = answer
    return answer
  }

  #ask(message: object, consumer: object): Answer {
    try {
      const returned = this.#handler.call(this.#class, message)
      if (returned instanceof Promise) return this.#awaited(returned, consumer)
      return { event: this.#hooks.sharedEvent(consumer, returned) }
    } catch (error) {
      return { failure: new SharedFailure(error) }
    }
  }

  #awaited(returning: Promise<unknown>, consumer: object): Answer {
    const answer: Answer = {}
    answer.pending = returning
      .then((returned) => {
        answer.event = this.#hooks.sharedEvent(consumer, returned)
      })
      .catch((error: unknown) => {
        answer.failure = new SharedFailure(error)
      })
      .finally(() => {
        answer.pending = undefined
      })
    return answer
  }
}
