import { once } from 'node:events'
import { defineApplication, HttpConsumer, path, urlRouter, WebSocketConsumer, type TextOrBytes } from 'tideway'
import { originValidator } from 'tideway/security'
import { liveServer } from 'tideway/testing'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'

class Echo extends WebSocketConsumer<{}, {}> {
  override receive(message: TextOrBytes) {
    return this.send(message)
  }
}

class Hello extends HttpConsumer {
  override handle() {
    return this.sendResponse('hello')
  }
}

const application = defineApplication({
  http: Hello.asApplication(),
  websocket: originValidator(urlRouter([path('ws/echo/', Echo.asApplication())]), ['*']),
})

describe('liveServer', () => {
  it('serves real clients on a free port', async () => {
    const server = await liveServer(application)
    try {
      expect(await (await fetch(server.url)).text()).toBe('hello')
      const client = new WebSocket(`${server.webSocketUrl}/ws/echo/`)
      client.once('open', () => client.send('hi'))
      const [message] = (await once(client, 'message')) as [Buffer]
      expect(message.toString()).toBe('hi')
      expect(server.connectionCount).toBe(1)
      client.close()
      await once(client, 'close')
    } finally {
      await server.close()
    }
    await expect(fetch(server.url)).rejects.toThrow('fetch failed')
  })

  it('serves two applications at once', async () => {
    await using one = await liveServer(application)
    await using two = await liveServer(application)
    expect(one.port).not.toBe(two.port)
  })

  it('closes at the end of the block that uses it, with clients or without', async () => {
    let url: string
    let client: WebSocket
    {
      await using server = await liveServer(application)
      url = server.url
      client = new WebSocket(`${server.webSocketUrl}/ws/echo/`)
      await once(client, 'open')
    }
    const [code] = client.readyState === WebSocket.CLOSED ? [1012] : ((await once(client, 'close')) as [number])
    expect(code).toBe(1012)
    await expect(fetch(url)).rejects.toThrow('fetch failed')
  })

  it('passes the options to serve()', async () => {
    await using server = await liveServer(application, { maxMessageBytes: 4, host: '127.0.0.1' })
    const client = new WebSocket(`${server.webSocketUrl}/ws/echo/`)
    client.once('open', () => client.send('hello'))
    const [code] = (await once(client, 'close')) as [number]
    expect(code).toBe(1009)
  })
})
