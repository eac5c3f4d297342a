import { WebSocket as UndiciWebSocket } from 'undici'
import { describe, onTestFinished, test } from 'vitest'
import { WebSocket as WsWebSocket } from 'ws'
import { LiveArena } from './live-arena.ts'
import { liveScenarios } from './live-suite.ts'

describe.each([
  { client: 'the WebSocket of ws', kit: { WebSocket: WsWebSocket } },
  { client: 'the WebSocket of undici', kit: { WebSocket: UndiciWebSocket } },
  { client: 'a stream', kit: { transports: ['stream'] as const } },
  { client: 'polls', kit: { transports: ['poll'] as const } },
])('a live client in Node with $client', ({ kit }) => {
  test.each(Object.entries(liveScenarios))('%s', async (_, scenario) => {
    const arena = await LiveArena.start()
    onTestFinished(() => arena.stop())
    await scenario({ url: arena.url, ...kit, control: (command) => arena.control(command) })
  })
})
