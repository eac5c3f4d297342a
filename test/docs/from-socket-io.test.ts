import { afterEach, expect, it, vi } from 'vitest'
import { liveServer, type LiveServer } from 'tideway/testing'
import { WebSocket } from 'ws'
import application from './from-socket-io/application.ts'
import { talk } from './from-socket-io/client.ts'

// The program of docs/from-socket-io.md: tideway's side of it.

// As a page of http://localhost would open it.
vi.stubGlobal(
  'WebSocket',
  class extends WebSocket {
    constructor(url: string, protocols?: string[]) {
      super(url, protocols, { origin: 'http://localhost' })
    }
  },
)

let server: LiveServer | undefined
afterEach(() => server?.close())

it('answers a request, and broadcasts messages, joins and leaves', async () => {
  server = await liveServer(application)
  const heard: unknown[] = []
  const anna = new WebSocket(`${server.webSocketUrl}/rooms/lobby/`, { origin: 'http://localhost' })
  anna.on('message', (data: Buffer) => heard.push(JSON.parse(data.toString())))
  await new Promise((resolve) => anna.once('open', resolve))

  const lines: string[] = []
  const leave = await talk(server.webSocketUrl, (line) => lines.push(line))
  leave()
  await expect.poll(() => heard.length).toBe(3)
  expect(heard).toEqual([
    { type: 'joined', id: expect.any(String) },
    { type: 'said', message: 'hello' },
    { type: 'left', id: expect.any(String) },
  ])
  expect(lines).toEqual(['number 1'])
  anna.terminate()
})

it.each(['null', '7', '{"type":"shout","message":"hello"}', '{"type":"say"}'])(
  'closes with 4400 for %s',
  async (text) => {
    server = await liveServer(application)
    const client = new WebSocket(`${server.webSocketUrl}/rooms/lobby/`, { origin: 'http://localhost' })
    client.on('open', () => client.send(text))
    expect(await new Promise((resolve) => client.on('close', resolve))).toBe(4400)
  },
)
