import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { setTraits } from '../../src/asgi/application-traits.ts'
import { protocolTypeRouter } from '../../src/routing/protocol-type-router.ts'
import { attach, type Attachment } from '../../src/server/attach.ts'
import type { AttachOptions } from '../../src/server/options.ts'
import { accepting, echo } from './applications.ts'
import { RawClient, requestText, validHandshake } from './raw-client.ts'
import { recordingLogger, type LogLine } from './serving.ts'

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  onTestFinished(async () => {
    await new Promise((resolve) => server.close(resolve))
  })
  return (server.address() as AddressInfo).port
}

function attaching(server: Server, options: AttachOptions = {}): Attachment {
  const attachment = attach(server, setTraits(protocolTypeRouter({ websocket: echo }), { checksOrigin: true }), options)
  onTestFinished(() => attachment.close(1))
  return attachment
}

async function echoOf(port: number, text: string): Promise<string> {
  const client = new WebSocket(`ws://127.0.0.1:${port}/ws/`)
  await new Promise((resolve, reject) => client.once('open', resolve).once('error', reject))
  const answer = new Promise<string>((resolve) => client.once('message', (data: Buffer) => resolve(data.toString())))
  client.send(text)
  try {
    return await answer
  } finally {
    client.terminate()
  }
}

describe('attach()', () => {
  it('serves WebSockets on the server of an Express application, which still gets its requests', async () => {
    const app = express().get('/', (_request, response) => {
      response.send('express')
    })
    const server = createServer(app)
    attaching(server)
    const port = await listening(server)
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('express')
    expect(await echoOf(port, 'hello')).toBe('hello')
  })

  it('serves requests on a server without a request listener', async () => {
    const server = createServer()
    const application = protocolTypeRouter({
      http: async (scope, _receive, send) => {
        await send({ type: 'http.response.start', status: 200 })
        await send({ type: 'http.response.body', body: scope.path })
      },
      websocket: echo,
    })
    const attachment = attach(server, setTraits(application, { checksOrigin: true }))
    onTestFinished(() => attachment.close(1))
    const port = await listening(server)
    expect(await (await fetch(`http://127.0.0.1:${port}/path`)).text()).toBe('/path')
    expect(await echoOf(port, 'hello')).toBe('hello')
  })

  it('closes its connections and keeps the server open, to which an application can be attached again', async () => {
    const server = createServer((_request, response) => response.end('still here'))
    const attachment = attaching(server)
    const port = await listening(server)
    const client = new WebSocket(`ws://127.0.0.1:${port}/`)
    await new Promise((resolve) => client.once('open', resolve))
    expect(attachment.connectionCount).toBe(1)
    const code = new Promise<number>((resolve) => client.once('close', resolve))
    await attachment.close()
    expect(await code).toBe(1012)
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('still here')

    const late = await RawClient.connect(port)
    late.write(requestText('GET / HTTP/1.1', validHandshake))
    expect(await late.response()).toMatchObject({ status: 503 })

    attaching(server)
    expect(await echoOf(port, 'again')).toBe('again')
  })

  it('leaves foreign handshakes to another listener, and answers them itself without one', async () => {
    const server = createServer()
    const application = setTraits(protocolTypeRouter({ websocket: echo }), { checksOrigin: true })
    const attachment = attach(server, application, { handles: ({ url }) => url!.startsWith('/ws/') })
    onTestFinished(() => attachment.close(1))
    const port = await listening(server)
    const statusLineOf = async (path: string): Promise<unknown> => {
      const client = await RawClient.connect(port)
      onTestFinished(() => void client.socket.destroy())
      client.write(requestText(`GET ${path} HTTP/1.1`, validHandshake))
      return (await client.head()).statusLine
    }
    expect(await statusLineOf('/hot-reload')).toBe('HTTP/1.1 101 Switching Protocols')
    server.on('upgrade', ({ url }, socket) => {
      if (!url!.startsWith('/ws/')) socket.end('HTTP/1.1 418 Another Listener\r\nContent-Length: 0\r\n\r\n')
    })
    expect(await statusLineOf('/hot-reload')).toBe('HTTP/1.1 418 Another Listener')
    expect(await statusLineOf('/ws/')).toBe('HTTP/1.1 101 Switching Protocols')
    expect(attachment.connectionCount).toBe(2)
  })

  it('keeps the connections of two attachments on two servers apart', async () => {
    const [one, two] = [createServer(), createServer()]
    const first = attaching(one)
    const second = attaching(two)
    const client = await RawClient.open(await listening(one))
    await listening(two)
    expect([first.connectionCount, second.connectionCount]).toEqual([1, 0])
    client.socket.destroy()
  })

  it('warns about an application that does not check the origin of handshakes', () => {
    const log: LogLine[] = []
    attach(createServer(), protocolTypeRouter({ websocket: accepting(() => {}) }), { logger: recordingLogger(log) })
    expect(log).toMatchObject([{ level: 'warn', message: expect.stringContaining('Origin') as string }])
  })

  it.each<[string, AttachOptions]>([
    ['zero', { maxMessageBytes: 0 }],
    ['a negative number', { connectTimeoutMs: -1 }],
    ['no number', { pingTimeoutMs: Number.NaN }],
    ['a string', { closeTimeoutMs: '5000' as unknown as number }],
    ['null', { maxInboxBytes: null as unknown as number }],
    ['more than a string can hold', { maxMessageBytes: 2 ** 31 }],
    ['true', { pingIntervalMs: true as unknown as false }],
    ['longer than a timer counts', { closeTimeoutMs: 2 ** 31 }],
    ['infinite', { httpTimeoutMs: Infinity }],
    ['false where it means nothing', { pingTimeoutMs: false as unknown as number }],
    ['an unknown policy', { slowConsumer: 'ignore' as 'wait' }],
  ])('refuses an option that is %s', (_what, options) => {
    const application = setTraits(protocolTypeRouter({ websocket: echo }), { checksOrigin: true })
    expect(() => attach(createServer(), application, options)).toThrow(
      expect.objectContaining({
        code: 'ERR_BAD_OPTION',
        message: expect.stringContaining(Object.keys(options)[0]!) as string,
      }),
    )
  })

  it('accepts undefined for an option', () => {
    const options = { maxMessageBytes: undefined, slowConsumer: undefined } as unknown as AttachOptions
    expect(() => attaching(createServer(), options)).not.toThrow()
  })
})
