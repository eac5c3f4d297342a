import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { startProgram, type RunningProgram } from '../setup/child-process.ts'
import { freePort } from '../setup/free-port.ts'
import { compileProgram, bundledTideway } from '../setup/compiled.ts'

// The two programs of docs/from-ws.md, seen from outside.

const programs: Readonly<Record<string, (port: number) => Promise<RunningProgram>>> = {
  ws: (port) =>
    startProgram(process.execPath, [compileProgram(new URL('from-ws/before.ts', import.meta.url))], {
      ready: port,
      env: { PORT: String(port) },
    }),
  tideway: (port) => {
    const application = compileProgram(new URL('from-ws/application.ts', import.meta.url))
    return startProgram(process.execPath, [bundledTideway, 'serve', application, `--port=${port}`], { ready: port })
  },
}

describe.each(Object.keys(programs))('the chat made with %s', (name) => {
  const clients: WebSocket[] = []
  let program: RunningProgram | undefined
  let port: number

  async function start(): Promise<void> {
    port = await freePort()
    program = await programs[name]!(port)
  }

  function client(path: string, origin: string): WebSocket {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { origin })
    socket.on('error', () => {})
    clients.push(socket)
    return socket
  }

  async function refusal(path: string, origin: string): Promise<number> {
    const [, response] = (await once(client(path, origin), 'unexpected-response')) as [unknown, { statusCode: number }]
    return response.statusCode
  }

  async function heardBy(sockets: readonly WebSocket[], say: () => void): Promise<string[]> {
    const heard = sockets.map(async (socket) => String(((await once(socket, 'message')) as [Buffer])[0]))
    say()
    return Promise.all(heard)
  }

  afterEach(async () => {
    for (const socket of clients.splice(0)) socket.terminate()
    await program?.stop()
  })

  it('chats in rooms, refuses invalid requests, and stops gracefully', async () => {
    await start()
    const [anna, ben, cleo] = ['lobby', 'lobby', 'kitchen'].map((room) =>
      client(`/ws/chat/${room}/`, 'http://localhost'),
    )
    await Promise.all([anna, ben, cleo].map((socket) => once(socket!, 'open')))
    expect(await heardBy([anna!, ben!], () => anna!.send('{"message":"hello"}'))).toEqual(
      Array(2).fill('{"message":"hello"}'),
    )
    expect(await heardBy([cleo!], () => cleo!.send('{"message":"only here"}'))).toEqual(['{"message":"only here"}'])

    expect(await refusal('/ws/nowhere/', 'http://localhost')).toBe(404)
    expect(await refusal('/ws/chat/lobby/', 'http://evil.example')).toBe(403)
    const closed = once(ben!, 'close') as Promise<[number]>
    ben!.send('{')
    expect((await closed)[0]).toBe(1007)

    const told = once(anna!, 'close') as Promise<[number]>
    process.kill(program!.pid, 'SIGTERM')
    expect((await told)[0]).toBe(1012)
    expect((await program!.exited).code).toBe(0)
  })
})
