import { describe, onTestFinished, test } from 'vitest'
import { WebSocket as UndiciWebSocket } from 'undici'
import { WebSocket as WsWebSocket } from 'ws'
import { Arena } from './arena.ts'
import { startTideway, startWs } from './backend.ts'
import { scenarios } from './core-suite.ts'

describe.each([
  { client: 'ws', server: 'tideway', WebSocket: WsWebSocket, start: startTideway },
  { client: 'undici', server: 'tideway', WebSocket: UndiciWebSocket, start: startTideway },
  { client: 'ws', server: 'ws', WebSocket: WsWebSocket, start: startWs },
])('in Node with the WebSocket of $client, on the server of $server', ({ WebSocket, start }) => {
  test.each(Object.entries(scenarios))('%s', async (_, scenario) => {
    const arena = await Arena.start(start)
    onTestFinished(() => arena.stop())
    await scenario({ url: arena.url, WebSocket, control: (command) => arena.control(command) })
  })
})
