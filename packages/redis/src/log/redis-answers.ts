import { createHash } from 'node:crypto'
import type { AnswerStore, Claim } from 'tideway/layer/kit'

import type { MessageCodec } from '../codec/message-codec.ts'
import { unavailable } from '../connection/redis-errors.ts'
import type { PubSubEngine } from '../pub-sub/pub-sub-engine.ts'
import { answer, claim } from './scripts/answers.ts'

/** The settings of the answers. */
export interface RedisAnswersOptions {
  readonly prefix: string
  /** Encrypts the answers. */
  readonly codec: MessageCodec
  /** Returns the Redis of a key. */
  engineOf(key: string): PubSubEngine
}

/** The answers to requests in Redis: one string for each request, a claim or an answer. */
export class RedisAnswers implements AnswerStore {
  readonly #options: RedisAnswersOptions

  constructor(options: RedisAnswersOptions) {
    this.#options = options
  }

  async claim(key: string, owner: string, ttlMs: number): Promise<Claim> {
    const redisKey = this.#key(key)
    const engine = this.#options.engineOf(redisKey)
    const [status, stored] = (await engine.run(claim, [redisKey], [owner, ttlMs])) as [Buffer, Buffer?]
    if (stored === undefined) return { status: status.toString() === 'claimed' ? 'claimed' : 'taken' }
    try {
      return { status: 'answered', answer: this.#options.codec.decodeText(stored) }
    } catch (error) {
      throw unavailable(engine.label, 'has an answer to a request that this process cannot decode', error)
    }
  }

  async answer(key: string, text: string, ttlMs: number): Promise<void> {
    const redisKey = this.#key(key)
    await this.#options.engineOf(redisKey).run(answer, [redisKey], [this.#options.codec.encodeText(text), ttlMs])
  }

  #key(key: string): string {
    // The key has the id of the user, and any length.
    const hash = createHash('sha256').update(key).digest('base64url')
    return `${this.#options.prefix}:tideway:answer:{${hash}}`
  }
}
