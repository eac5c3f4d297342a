import { randomUUID } from 'node:crypto'

import {
  surveyDefaults,
  type AnswerSurvey,
  type GroupSurvey,
  type SurveyAnswer,
  type SurveyedGroups,
  type SurveyOptions,
} from 'tideway/layer/kit'

import type { MessageCodec } from '../codec/message-codec.ts'
import type { PubSubEngine } from '../pub-sub/pub-sub-engine.ts'

/** The settings of a survey. */
export interface RedisGroupSurveyOptions {
  readonly prefix: string
  readonly codec: MessageCodec
  engineOf(channel: string): PubSubEngine
  malformed(channel: string, error: unknown): void
}

/** A survey that runs: the answers so far, and the callback for each new one. */
interface Running {
  readonly answers: SurveyAnswer[]
  readonly maxAnswers: number
  onAnswer(): void
}

/**
 * Asks the processes over Redis. A process listens for questions from its first kept group on, or from `listen()`. A question has the
 * Redis channel for the answers and the most groups of one.
 */
export class RedisGroupSurvey implements GroupSurvey {
  readonly #options: RedisGroupSurveyOptions
  readonly #questions: string
  /** By the Redis channel of their answers. */
  readonly #running = new Map<string, Running>()
  #answerSurvey: AnswerSurvey | undefined
  #isListening = false

  constructor(options: RedisGroupSurveyOptions) {
    this.#options = options
    this.#questions = `${options.prefix}:tideway:survey`
  }

  answerWith(answer: AnswerSurvey): void {
    this.#answerSurvey = answer
  }

  listen(): void {
    if (this.#isListening) return
    this.#isListening = true
    const subscribed = this.#options.engineOf(this.#questions).subscribe(this.#questions)
    // The next kept group tries again.
    subscribed.catch(() => (this.#isListening = false))
  }

  async run(waitMs: number, options: SurveyOptions = {}): Promise<SurveyedGroups> {
    const { maxGroups, maxAnswers } = { ...surveyDefaults, ...options }
    const channel = `${this.#questions}:${randomUUID()}`
    const engine = this.#options.engineOf(channel)
    const running: Running = { answers: [], maxAnswers, onAnswer() {} }
    this.#running.set(channel, running)
    try {
      await engine.subscribe(channel)
      const question = this.#options.codec.encodeText(`${channel} ${maxGroups}`)
      const processes = await this.#options.engineOf(this.#questions).publish(this.#questions, question)
      await allAnswers(running, Math.min(processes, maxAnswers), waitMs)
      return { processes, answers: running.answers }
    } finally {
      this.#running.delete(channel)
      engine.unsubscribe(channel)
    }
  }

  /** Handles a message of a Redis channel. Returns `false` if the channel does not belong to a survey. */
  onMessage(channel: string, bytes: Buffer): boolean {
    if (!channel.startsWith(this.#questions)) return false
    try {
      const text = this.#options.codec.decodeText(bytes)
      if (channel === this.#questions) this.#answer(text)
      else this.#take(channel, JSON.parse(text) as SurveyAnswer)
    } catch (error) {
      this.#options.malformed(channel, error)
    }
    return true
  }

  #answer(question: string): void {
    const end = question.lastIndexOf(' ')
    const channel = question.slice(0, end)
    if (!channel.startsWith(`${this.#questions}:`) || this.#answerSurvey === undefined) return
    const answer = this.#options.codec.encodeText(JSON.stringify(this.#answerSurvey(Number(question.slice(end)))))
    // The process that asks reports that an answer is missing.
    this.#options
      .engineOf(channel)
      .publish(channel, answer)
      .catch(() => {})
  }

  #take(channel: string, answer: SurveyAnswer): void {
    const running = this.#running.get(channel)
    if (running === undefined || running.answers.length >= running.maxAnswers || !Array.isArray(answer?.groups)) return
    running.answers.push(answer)
    running.onAnswer()
  }
}

/** Resolves when this number of answers is there, or after a time. */
function allAnswers(running: Running, count: number, waitMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, waitMs)
    running.onAnswer = () => {
      if (running.answers.length < count) return
      clearTimeout(timer)
      resolve()
    }
    running.onAnswer()
  })
}
