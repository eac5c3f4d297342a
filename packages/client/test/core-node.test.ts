import { describe, onTestFinished, test } from 'vitest'
import { WebSocket as UndiciWebSocket } from 'undici'
import { WebSocket as WsWebSocket } from 'ws'
import { Arena } from './arena.ts'
import { scenarios } from './core-suite.ts'

describe.each([
  ['ws', WsWebSocket],
  ['undici', UndiciWebSocket],
])('in Node with %s', (_, WebSocket) => {
  test.each(Object.entries(scenarios))('%s', async (_, scenario) => {
    const arena = await Arena.start()
    onTestFinished(() => arena.stop())
    await scenario({ url: arena.url, WebSocket, control: (command) => arena.control(command) })
  })
})
