import { once } from 'node:events'
import { liveServer } from 'tideway/testing'
import { expect, it } from 'vitest'
import { WebSocket } from 'ws'
import application from './get-started/application.ts'

it('the one file of docs/get-started.md has a page, and its messages go to all clients', async () => {
  const server = await liveServer(application)
  const clients: WebSocket[] = []
  try {
    expect(await (await fetch(server.url)).text()).toContain('new WebSocket')
    while (clients.length < 2) {
      const client = new WebSocket(`${server.webSocketUrl}/ws/`, { origin: server.url })
      clients.push(client)
      await once(client, 'open')
    }
    const heard = clients.map(async (client) => String(((await once(client, 'message')) as [Buffer])[0]))
    clients[0]!.send('hello')
    expect(await Promise.all(heard)).toEqual(['hello', 'hello'])
  } finally {
    for (const client of clients) client.terminate()
    await server.close()
  }
})
