import { describe, expect, it } from 'vitest'
import { WebSocketConsumer } from '../../../src/consumer/index.ts'
import { clientFrame } from '../frames.ts'
import { RawClient } from '../raw-client.ts'
import { accepting } from '../applications.ts'
import { serving } from '../serving.ts'

const MESSAGES = 20_000

/** The most that `count` grew by in one turn of the event loop, from now until it reaches the end. */
async function largestShare(count: () => number, end: number): Promise<number> {
  let largest = 0
  let before = count()
  while (before < end) {
    await new Promise((resolve) => setImmediate(resolve))
    largest = Math.max(largest, count() - before)
    before = count()
  }
  return largest
}

describe('a client that floods the server with small messages', () => {
  it.each([
    ['a consumer', true],
    ['an application', false],
  ])(
    'gets at most some hundred of them handled by %s in one turn of the event loop, and all of them in the end',
    async (_, isConsumer) => {
      let handled = 0
      class Counting extends WebSocketConsumer<{}, {}> {
        override receive() {
          handled++
        }
      }
      const raw = accepting(async ({ receive }) => {
        for (;;) {
          if ((await receive()).type === 'websocket.disconnect') return
          handled++
        }
      })
      const server = await serving({ websocket: isConsumer ? Counting.asApplication() : raw })
      const client = await RawClient.open(server.port)
      const frame = clientFrame('text', 'x')
      client.write(Buffer.concat(Array.from({ length: MESSAGES }, () => frame)))
      // 256, twice where a piece of the flood ends within a turn, and what the inbox holds.
      expect(await largestShare(() => handled, MESSAGES)).toBeLessThan(700)
      expect(handled).toBe(MESSAGES)
      client.socket.destroy()
    },
  )
})
