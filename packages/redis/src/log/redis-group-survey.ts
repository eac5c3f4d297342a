import { randomUUID } from 'node:crypto'

import type { FollowedGroup } from 'tideway/layer'
import type { GroupSurvey, SurveyedGroups } from 'tideway/layer/kit'

import type { MessageCodec } from '../codec/message-codec.ts'
import type { PubSubEngine } from '../pub-sub/pub-sub-engine.ts'

/** The most groups of an answer: those with the most followers. */
const MAX_GROUPS = 2000

/** The settings of a survey. */
export interface RedisGroupSurveyOptions {
  readonly prefix: string
  readonly codec: MessageCodec
  engineOf(channel: string): PubSubEngine
  malformed(channel: string, error: unknown): void
}

/** A survey that runs: the answers so far, and the callback for each new one. */
interface Running {
  readonly answers: (readonly FollowedGroup[])[]
  onAnswer(): void
}

/**
 * Asks over Redis which kept groups the processes follow. A process listens for questions from its first kept group on. A question names
 * the Redis channel for the answers.
 */
export class RedisGroupSurvey implements GroupSurvey {
  readonly #options: RedisGroupSurveyOptions
  readonly #questions: string
  /** By the Redis channel of their answers. */
  readonly #running = new Map<string, Running>()
  #followed: () => readonly FollowedGroup[] = () => []
  #isListening = false

  constructor(options: RedisGroupSurveyOptions) {
    this.#options = options
    this.#questions = `${options.prefix}:tideway:survey`
  }

  answerWith(followed: () => readonly FollowedGroup[]): void {
    this.#followed = followed
  }

  /** The process follows a kept group. */
  listen(): void {
    if (this.#isListening) return
    this.#isListening = true
    const subscribed = this.#options.engineOf(this.#questions).subscribe(this.#questions)
    // The next kept group tries again.
    subscribed.catch(() => (this.#isListening = false))
  }

  async run(waitMs: number): Promise<SurveyedGroups> {
    const channel = `${this.#questions}:${randomUUID()}`
    const engine = this.#options.engineOf(channel)
    const running: Running = { answers: [], onAnswer() {} }
    this.#running.set(channel, running)
    try {
      await engine.subscribe(channel)
      const question = this.#options.codec.encodeText(channel)
      const processes = await this.#options.engineOf(this.#questions).publish(this.#questions, question)
      await allAnswers(running, processes, waitMs)
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
      else this.#take(channel, JSON.parse(text) as readonly FollowedGroup[])
    } catch (error) {
      this.#options.malformed(channel, error)
    }
    return true
  }

  #answer(channel: string): void {
    if (!channel.startsWith(`${this.#questions}:`)) return
    const groups = this.#followed().toSorted((a, b) => b.followers - a.followers)
    const answer = this.#options.codec.encodeText(JSON.stringify(groups.slice(0, MAX_GROUPS)))
    // The process that asks reports that an answer is missing.
    this.#options
      .engineOf(channel)
      .publish(channel, answer)
      .catch(() => {})
  }

  #take(channel: string, groups: readonly FollowedGroup[]): void {
    const running = this.#running.get(channel)
    if (running === undefined || !Array.isArray(groups)) return
    running.answers.push(groups)
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
