interface Step {
  run: (() => void) | undefined
}

/** Sends that may wait at once for an earlier one to be prepared. */
export const MAX_WAITING_SENDS = 10_000

/**
 * Sends things in the order in which they were asked for, where some need to know something first: the answer to that is
 * waited for, but never overtaken.
 */
export class SendOrder {
  readonly #steps: Step[] = []

  get isFull(): boolean {
    return this.#steps.length >= MAX_WAITING_SENDS
  }

  /** Sends at once, or as soon as everything before is sent. */
  send<Result>(send: () => Promise<Result>): Promise<Result> {
    if (this.#steps.length === 0) return send()
    return this.after(Promise.resolve(), send)
  }

  /** Sends when `prepared` has resolved and everything before is sent; rejects without sending as `prepared` does. */
  after<Prepared, Result>(prepared: Promise<Prepared>, send: (prepared: Prepared) => Promise<Result>): Promise<Result> {
    const step: Step = { run: undefined }
    this.#steps.push(step)
    return new Promise((resolve, reject) => {
      prepared.then(
        (value) => this.#ready(step, () => void send(value).then(resolve, reject)),
        (error: unknown) => this.#ready(step, () => reject(error)),
      )
    })
  }

  #ready(step: Step, run: () => void): void {
    step.run = run
    let done = 0
    for (; done < this.#steps.length; done++) {
      const next = this.#steps[done]!.run
      if (next === undefined) break
      next()
    }
    this.#steps.splice(0, done)
  }
}
