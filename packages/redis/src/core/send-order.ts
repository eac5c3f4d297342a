interface Step {
  run: (() => void) | undefined
}

/** Maximum number of sends that wait for an earlier one. */
export const MAX_WAITING_SENDS = 10_000

/**
 * Keeps sends in call order. A send that needs a result first (the members of a group) delays the sends after it.
 */
export class SendOrder {
  readonly #steps: Step[] = []

  get isFull(): boolean {
    return this.#steps.length >= MAX_WAITING_SENDS
  }

  /** Sends at once, or after all earlier sends. */
  send<Result>(send: () => Promise<Result>): Promise<Result> {
    if (this.#steps.length === 0) return send()
    return this.after(Promise.resolve(), send)
  }

  /** Sends when `prepared` has resolved and all earlier sends are sent. Rejects without sending if `prepared` rejects. */
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
