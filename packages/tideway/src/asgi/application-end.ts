/** Called at the end of an application, in place of the reactions to its promise. */
export interface EndListener {
  applicationReturned(): void
  applicationThrew(error: unknown): void
}

/**
 * The promise that the application of a consumer returns. It makes a native promise for a caller that asks for one, and at the end. The
 * server sets a listener, and middleware that returns the result of its inner application asks for nothing: otherwise each idle
 * connection would keep two promises with their reactions and functions, 0.4 kB of heap.
 */
export class ApplicationEnd implements Promise<void> {
  #promise: Promise<void> | undefined
  /** Settles the promise, if it was made before the end. */
  #resolve: ((end: void | Promise<never>) => void) | undefined
  #listener: EndListener | undefined

  get [Symbol.toStringTag](): string {
    return 'Promise'
  }

  /** Calls the listener at the end, in a microtask. One listener. */
  listen(listener: EndListener): void {
    if (this.#promise === undefined) this.#listener = listener
    else callAtEnd(listener, this.#promise)
  }

  /** The application has ended: a rejected promise rejects this one. To be called once. */
  settle(end: void | Promise<never>): void {
    if (this.#resolve !== undefined) this.#resolve(end)
    // Without a listener and without a reaction, an error is the unhandled rejection that it is for any promise.
    else this.#promise = Promise.resolve(end)
    if (this.#listener !== undefined) callAtEnd(this.#listener, this.#promise!)
  }

  // oxlint-disable-next-line unicorn/no-thenable -- it is a promise
  then<R = void, F = never>(
    onFulfilled?: ((value: void) => R | PromiseLike<R>) | null,
    onRejected?: ((reason: unknown) => F | PromiseLike<F>) | null,
  ): Promise<R | F> {
    return this.#native().then(onFulfilled, onRejected)
  }

  catch<F = never>(onRejected?: ((reason: unknown) => F | PromiseLike<F>) | null): Promise<void | F> {
    return this.then(undefined, onRejected)
  }

  finally(onFinally?: (() => void) | null): Promise<void> {
    return this.#native().finally(onFinally)
  }

  #native(): Promise<void> {
    this.#promise ??= new Promise((resolve) => {
      this.#resolve = resolve
    })
    return this.#promise
  }
}

/** Calls the listener at the end. A function of its own, so that the connection of a consumer does not keep a context for its functions. */
export function callAtEnd(listener: EndListener, end: Promise<void>): void {
  end.then(
    () => listener.applicationReturned(),
    (error: unknown) => listener.applicationThrew(error),
  )
}
