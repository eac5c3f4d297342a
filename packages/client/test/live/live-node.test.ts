import { WebSocket as UndiciWebSocket } from 'undici'
import { describe, onTestFinished, test } from 'vitest'
import { WebSocket as WsWebSocket } from 'ws'
import { LiveArena } from './live-arena.ts'
import { liveScenarios } from './live-suite.ts'

describe.each([
  { client: 'ws', WebSocket: WsWebSocket },
  { client: 'undici', WebSocket: UndiciWebSocket },
])('a live client in Node with the WebSocket of $client', ({ WebSocket }) => {
  test.each(Object.entries(liveScenarios))('%s', async (_, scenario) => {
    const arena = await LiveArena.start()
    onTestFinished(() => arena.stop())
    await scenario({ url: arena.url, WebSocket, control: (command) => arena.control(command) })
  })
})
