import assert from 'node:assert/strict'
import type { ChannelLayerOptions } from '../base-channel-layer.ts'
import type { ChannelLayer, ChannelReceiver, Delivery, Message } from '../channel-layer.ts'

/** How long a contract test waits for something that has to happen, in milliseconds. */
export const PATIENCE_MS = 5000

/** What a test of the contract works with. Every layer that it makes is closed after it. */
export interface ContractContext {
  /** A layer that shares nothing with the layers of other calls. */
  makeLayer(options?: ChannelLayerOptions): Promise<ChannelLayer>
  /** Another layer on the engine of the given one, as another process would have it. */
  makePeer(layer: ChannelLayer, options?: ChannelLayerOptions): Promise<ChannelLayer>
  /** A short expiry that the layer can keep, in seconds. */
  readonly expiry: number
}

/** The tests of one chapter of the specification, by their names. */
export type ContractChapter = Readonly<Record<string, (context: ContractContext) => Promise<void>>>

/** A receiver that keeps what it is pushed, and that can be waited for. */
export class Collector implements ChannelReceiver {
  readonly messages: Message[] = []
  readonly #answer: Delivery
  #arrived: (() => void) | undefined

  constructor(answer: Delivery = 'delivered') {
    this.#answer = answer
  }

  deliver(message: Message): Delivery {
    this.messages.push(message)
    this.#arrived?.()
    return this.#answer
  }

  get types(): string[] {
    return this.messages.map((message) => message.type)
  }

  /** The first `count` messages, as soon as they are there. */
  async first(count: number): Promise<readonly Message[]> {
    const deadline = AbortSignal.timeout(PATIENCE_MS)
    while (this.messages.length < count) {
      await new Promise<void>((resolve, reject) => {
        const giveUp = (): void => {
          reject(new assert.AssertionError({ message: `${count} messages expected, ${this.messages.length} came` }))
        }
        deadline.addEventListener('abort', giveUp, { once: true })
        this.#arrived = () => {
          deadline.removeEventListener('abort', giveUp)
          resolve()
        }
      })
    }
    return this.messages.slice(0, count)
  }
}

/** A new channel of the layer, with a receiver attached. */
export function attachNew(layer: ChannelLayer, receiver: Collector = new Collector()): [string, Collector] {
  const channel = layer.newChannel()
  layer.attach(channel, receiver)
  return [channel, receiver]
}

/** The next message of the channel; fails where none comes. */
export function receiveSoon(layer: ChannelLayer, channel: string): Promise<Message> {
  return layer.receive(channel, { signal: AbortSignal.timeout(PATIENCE_MS) })
}

/** Asserts that nothing waits at the channel, and nothing is on its way to it that was sent before this call. */
export async function assertNothingWaits(layer: ChannelLayer, channel: string): Promise<void> {
  await layer.send(channel, { type: 'contract.marker' })
  assert.deepEqual(await receiveSoon(layer, channel), { type: 'contract.marker' })
}

/** Waits until the condition holds. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  while (!(await condition())) {
    if (performance.now() > deadline) assert.fail(`not within ${PATIENCE_MS} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** Waits until a time, in milliseconds, has passed since `start`: where time itself is what is tested. */
export async function untilPassed(start: number, ms: number): Promise<void> {
  while (performance.now() - start <= ms) await new Promise((resolve) => setTimeout(resolve, ms / 10))
}

/** Lets everything happen in this process that is due. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** `count` messages that differ by their number. */
export function numbered(count: number): Message[] {
  return Array.from({ length: count }, (_, number) => ({ type: 'contract.numbered', number }))
}
