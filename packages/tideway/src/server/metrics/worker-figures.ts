import cluster, { type Worker } from 'node:cluster'
import type { MetricObjectWithValues, MetricValue } from 'prom-client'
import { resolvesWithin } from '../../errors/resolves-within.ts'
import { deferred } from '../transport/deferred.ts'

/** The metrics of a worker: those of prom-client as JSON. */
export type WorkerMetrics = MetricObjectWithValues<MetricValue<string>>[]

/** A question of the primary to a worker, over the channel of `node:cluster`, which applications may use too. */
interface Question {
  readonly type: typeof QUESTION
  readonly id: number
  readonly wants: 'metrics' | 'readiness'
}

interface Answer {
  readonly type: typeof ANSWER
  readonly id: number
  readonly metrics: WorkerMetrics
  readonly isReady: boolean
}

const QUESTION = 'tideway:figures?'
const ANSWER = 'tideway:figures'

/** How long a worker may take. A worker that is blocked for longer must cause an error. */
const TIMEOUT_MS = 5000

/** Answers the questions of the primary, in a worker. Returns a function that stops it. */
export function answerPrimary(figures: { metrics(): Promise<WorkerMetrics>; isReady(): boolean }): () => void {
  const onMessage = (message: unknown): void => {
    if (isOf<Question>(message, QUESTION)) void answer(message)
  }
  const answer = async ({ id, wants }: Question): Promise<void> => {
    const metrics = wants === 'metrics' ? await figures.metrics() : []
    const isReady = figures.isReady()
    // The primary may have disconnected in the meantime.
    if (process.connected) process.send?.({ type: ANSWER, id, metrics, isReady } satisfies Answer)
  }
  process.on('message', onMessage)
  return () => void process.off('message', onMessage)
}

/**
 * Asks the listening workers, in the primary. prom-client's own AggregatorRegistry asks every connected worker: a worker that has not
 * loaded it yet, as in each rolling restart, never answers, and then the whole request fails.
 */
export class WorkerFigures {
  readonly #listening = new Set<Worker>()
  readonly #waiting = new Map<number, (worker: Worker, answer: Answer) => void>()
  #asked = 0

  constructor() {
    cluster.on('listening', this.#onListening).on('disconnect', this.#onGone).on('exit', this.#onGone)
    cluster.on('message', this.#onMessage)
  }

  stop(): void {
    cluster.off('listening', this.#onListening).off('disconnect', this.#onGone).off('exit', this.#onGone)
    cluster.off('message', this.#onMessage)
  }

  /** @throws Error if a worker does not answer: a sum without it would look like a decrease */
  async metrics(): Promise<WorkerMetrics[]> {
    return (await this.#ask('metrics')).map(({ metrics }) => metrics)
  }

  /** Whether one of the workers accepts connections. */
  async areReady(): Promise<boolean> {
    return (await this.#ask('readiness')).some(({ isReady }) => isReady)
  }

  async #ask(wants: Question['wants']): Promise<Answer[]> {
    const workers = new Set([...this.#listening].filter((worker) => worker.isConnected()))
    const answers: Answer[] = []
    const id = this.#asked++
    const answered = deferred()
    const done = (worker: Worker): void => {
      workers.delete(worker)
      if (workers.size === 0) answered.resolve()
    }
    this.#waiting.set(id, (worker, answer) => {
      answers.push(answer)
      done(worker)
    })
    cluster.on('exit', done)
    // A worker that is ending does not answer, and emits `exit`.
    for (const worker of workers) worker.send({ type: QUESTION, id, wants } satisfies Question, () => {})
    if (workers.size > 0) await resolvesWithin(answered.promise, TIMEOUT_MS)
    cluster.off('exit', done)
    this.#waiting.delete(id)
    if (workers.size === 0) return answers
    const late = [...workers].map((worker) => worker.process.pid).join(', ')
    throw new Error(`The workers with these process ids did not answer within ${TIMEOUT_MS / 1000} s: ${late}.`)
  }

  readonly #onListening = (worker: Worker): void => void this.#listening.add(worker)

  readonly #onGone = (worker: Worker): void => void this.#listening.delete(worker)

  readonly #onMessage = (worker: Worker, message: unknown): void => {
    if (isOf<Answer>(message, ANSWER)) this.#waiting.get(message.id)?.(worker, message)
  }
}

function isOf<T extends { readonly type: string }>(message: unknown, type: T['type']): message is T {
  return typeof message === 'object' && message !== null && 'type' in message && message.type === type
}
