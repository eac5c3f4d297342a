import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { startProgram } from '../../../test/setup/child-process.ts'
import { compileProgram, bundledTideway } from '../../../test/setup/compiled.ts'

// The whole files of docs/guides/frameworks.md, started as the guide says.

/** Compiles a file of the guide. */
const compile = (file: string): string => compileProgram(new URL(`../whole/${file}`, import.meta.url))

const programs = [
  ...['express', 'fastify', 'koa'].map((folder) => ({
    folder,
    args: [bundledTideway, 'serve', compile(`${folder}/application.ts`), '--port', '0'],
  })),
  ...['hono', 'nest'].map((folder) => ({ folder, args: [compile(`${folder}/server.ts`)] })),
]

describe.each(programs)('the whole file of $folder', ({ folder, args }) => {
  it('answers HTTP, broadcasts messages of a WebSocket and of a route, and stops', async () => {
    const program = await startProgram(process.execPath, args, {
      cwd: fileURLToPath(new URL(`../whole/${folder}`, import.meta.url)),
      env: { PORT: '0' },
      ready: /Listening on http:\/\/\S*:(\d+)/,
    })
    const url = `http://localhost:${program.readyMatch![1]}`
    try {
      expect(await (await fetch(url)).text()).toContain('In the console')
      const sockets = ['lobby', 'lobby', 'kitchen'].map(
        (room) => new WebSocket(`${url.replace('http', 'ws')}/ws/rooms/${room}/`, { origin: url }),
      )
      await Promise.all(sockets.map((socket) => once(socket, 'open')))
      const heard = sockets.map((): unknown[] => [])
      for (const [i, socket] of sockets.entries()) {
        socket.on('message', (data: Buffer) => heard[i]!.push(JSON.parse(data.toString())))
      }
      sockets[0]!.send(JSON.stringify('from a page'))
      await expect.poll(() => heard).toEqual([['from a page'], ['from a page'], []])
      const query = folder === 'nest' ? '?text=from%20a%20route' : ''
      const response = await fetch(`${url}/rooms/lobby${query}`, {
        method: 'POST',
        headers: { 'Content-Type': 'text/plain' },
        body: 'from a route',
      })
      expect(response.status).toBe(202)
      const both = ['from a page', 'from a route']
      await expect.poll(() => heard).toEqual([both, both, []])
      const closed = sockets.map((socket) => once(socket, 'close'))
      expect(await program.stop()).toMatchObject({ signal: folder === 'nest' ? 'SIGTERM' : null })
      for (const [code] of await Promise.all(closed)) expect(code).toBe(1012)
    } finally {
      await program.stop()
    }
  })
})
