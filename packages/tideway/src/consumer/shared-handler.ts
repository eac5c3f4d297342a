/** What all are sent that a static handler is for: an event of the protocol. */
export interface SharedEvent {
  readonly type: string
}

/** What a static handler needs of its class. */
export interface SharingHooks {
  /** The event for all who are to be sent what the handler returned; `undefined` for none. Encodes as `consumer` does. */
  sharedEvent(consumer: object, returned: unknown): SharedEvent | undefined
}

/** One consumer for which a message is handled: its run. */
export interface Member {
  readonly consumer: object
  /** Sends the consumer's connection what all are sent. */
  sendShared(event: SharedEvent): void | PromiseLike<void>
}

/** A handler that is a static method of its class. */
export type StaticHandler = (this: object, message: object) => unknown

/** What all but the first get of a static handler that failed: the error has been reported for the first. */
export class SharedFailure {
  readonly error: unknown

  constructor(error: unknown) {
    this.error = error
  }
}

/** What a static handler made of one message. Nothing of it there: nothing is to be sent. */
interface Answer {
  event?: SharedEvent | undefined
  /** The handler is still at it. */
  pending?: Promise<void> | undefined
  failure?: SharedFailure | undefined
  isFailureReported?: boolean
}

const sharedHandlers = new WeakMap<object, Map<StaticHandler, SharedHandler>>()

/**
 * A static handler of a consumer class. It runs once for each message; every consumer that the message is for is sent, when
 * it is its turn, the one event that was made of what it returned.
 */
export class SharedHandler {
  readonly #class: object
  readonly #handler: StaticHandler
  readonly #hooks: SharingHooks
  // Members that are idle are handed a message one right after the other.
  #lastMessage: object | undefined
  #lastAnswer: Answer | undefined
  /** For those that were busy. An answer is forgotten with its message. */
  readonly #answers = new WeakMap<object, Answer>()

  /** The one of its class, whose consumers may serve several routes. */
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

  /** Handles the message for one consumer. */
  handle(member: Member, message: object): void | PromiseLike<void> {
    const answer = message === this.#lastMessage ? this.#lastAnswer! : this.#answerTo(message, member.consumer)
    if (answer.event !== undefined) return member.sendShared(answer.event)
    if (answer.pending !== undefined) return answer.pending.then(() => this.#give(answer, member))
    return this.#give(answer, member)
  }

  #give(answer: Answer, member: Member): void | PromiseLike<void> {
    if (answer.event !== undefined) return member.sendShared(answer.event)
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
