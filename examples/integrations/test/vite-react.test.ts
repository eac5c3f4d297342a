import { createViteServer } from 'vitest/node'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { liveServer } from 'tideway/testing'
import { expect, it } from 'vitest'
import { WebSocket } from 'ws'
import application from '../vite-react/application.ts'
import config from '../vite-react/vite.config.ts'

it('the proxy of Vite passes WebSockets of its own page, and the origin check rejects others', async () => {
  await using server = await liveServer(application)
  const vite = await createViteServer({
    configFile: false,
    logLevel: 'error',
    root: fileURLToPath(new URL('../vite-react', import.meta.url)),
    optimizeDeps: { noDiscovery: true },
    server: {
      port: 0,
      host: '127.0.0.1',
      watch: null,
      ws: false,
      proxy: { '/ws/': { ...(config.server!.proxy!['/ws/'] as object), target: server.url } },
    },
  })
  try {
    await vite.listen()
    const { port } = vite.httpServer!.address() as { readonly port: number }
    const handshake = async (origin: string): Promise<number> => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/ws/`, 'tideway.v1.json', { origin })
      socket.on('error', () => {})
      const status = await Promise.race([
        once(socket, 'open').then(() => 101),
        once(socket, 'unexpected-response').then((args) => (args[1] as { readonly statusCode: number }).statusCode),
      ])
      socket.terminate()
      return status
    }
    expect(await handshake(`http://127.0.0.1:${port}`)).toBe(101)
    expect(await handshake('https://evil.example')).toBe(403)
    const app = await (await fetch(`http://127.0.0.1:${port}/app.tsx`)).text()
    expect(app).toContain('useLive')
  } finally {
    await vite.close()
  }
})
