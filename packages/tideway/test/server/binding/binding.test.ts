import { linkSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer, get, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import type { Application } from '../../../src/asgi/application.ts'
import type { HttpScope } from '../../../src/asgi/scope.ts'
import { protocolTypeRouter } from '../../../src/routing/protocol-type-router.ts'
import { attach } from '../../../src/server/attach.ts'
import { listenTargets, type ListenTarget, type TcpAddress } from '../../../src/server/listen/listen-target.ts'
import type { ServeOptions } from '../../../src/server/options.ts'
import { systemdSockets } from '../../../src/server/listen/systemd-sockets.ts'
import { echo } from '../applications.ts'
import { serving } from '../serving.ts'

/** Answers with the address that the request came to. */
const tellServer: Application<HttpScope> = async (scope, _receive, send) => {
  await send({ type: 'http.response.start', status: 200 })
  await send({ type: 'http.response.body', body: JSON.stringify(scope.server) })
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tideway-binding-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

/** Without the TCP port that tests have by default. */
function only(listen: readonly ListenTarget[]): ServeOptions {
  return { port: undefined, listen } as unknown as ServeOptions
}

async function textOver(socketPath: string): Promise<string> {
  const [response] = (await once(get({ socketPath, path: '/' }), 'response')) as [IncomingMessage]
  return (await response.setEncoding('utf8').toArray()).join('')
}

describe('listen', () => {
  it('serves several TCP addresses at once and reports the first as its own', async () => {
    const server = await serving(
      { http: tellServer },
      { host: '127.0.0.1', port: 0, listen: [{ host: '127.0.0.2', port: 0 }] },
    )
    const [first, second] = server.addresses as unknown as readonly [TcpAddress, TcpAddress]
    expect(server.url).toBe(first.url)
    expect(server.port).toBe(first.port)
    expect(await (await fetch(first.url)).json()).toEqual({ host: '127.0.0.1', port: server.port })
    expect(await (await fetch(second.url)).json()).toEqual({ host: '127.0.0.2', port: second.port })
  })

  it('puts the new address into the scope after the server listens on another one', async () => {
    const server = createHttpServer()
    const attachment = attach(server, protocolTypeRouter({ http: tellServer }))
    onTestFinished(() => attachment.close(1))
    for (const host of ['127.0.0.1', '127.0.0.2']) {
      await once(server.listen(0, host), 'listening')
      const { port } = server.address() as AddressInfo
      for (let i = 0; i < 2; i++) {
        const response = await fetch(`http://${host}:${port}/`, { headers: { connection: 'close' } })
        expect(await response.json()).toEqual({ host, port })
      }
      await new Promise((resolve) => server.close(resolve))
    }
  })

  it('accepts an IPv6 address with and without brackets', async () => {
    for (const host of ['::1', '[::1]']) {
      const server = await serving({ http: tellServer }, { host })
      expect(server.url).toBe(`http://[::1]:${server.port}`)
      expect(await (await fetch(server.url)).json()).toEqual({ host: '::1', port: server.port })
    }
  })

  it('closes all of its addresses together', async () => {
    const server = await serving({ http: tellServer }, { listen: [{ port: 0 }] })
    await server.close()
    for (const { url } of server.addresses) await expect(fetch(url)).rejects.toThrow('fetch failed')
  })

  it('closes its other addresses if a later one is in use', async () => {
    const blocker = createServer().listen(0, '127.0.0.1')
    await once(blocker, 'listening')
    onTestFinished(() => void blocker.close())
    const path = join(temporaryFolder(), 'chat.sock')
    const { port } = blocker.address() as AddressInfo
    await expect(serving({}, only([{ path }, { port }]))).rejects.toThrow('EADDRINUSE')
    expect(() => statSync(path)).toThrow('ENOENT')
  })

  it.each<{ target: object }>([{ target: {} }, { target: { path: '/x', port: 1 } }, { target: { fd: 3, path: '/x' } }])(
    'refuses $target, which does not name one thing',
    ({ target }) => {
      expect(() => listenTargets({ listen: [target as ListenTarget] })).toThrow('must have exactly one of')
    },
  )

  it('has its default address only without other targets', () => {
    expect(listenTargets({})).toEqual([{ host: '127.0.0.1', port: 8000 }])
    expect(listenTargets({ host: '::' })).toEqual([{ host: '::', port: 8000 }])
    expect(listenTargets({ listen: [{ fd: 3 }] })).toEqual([{ fd: 3 }])
    expect(listenTargets({ port: 1, listen: [{ fd: 3 }] })).toEqual([{ host: '127.0.0.1', port: 1 }, { fd: 3 }])
  })
})

describe('a Unix socket', () => {
  const unixOnly = (path: string, mode?: number): ServeOptions => only([mode === undefined ? { path } : { path, mode }])

  it('rejects a path that is too long for the system', async () => {
    const most = process.platform === 'darwin' ? 103 : 107
    const folder = temporaryFolder()
    const fits = join(folder, 'a'.repeat(most - folder.length - 1))
    await serving({ http: tellServer }, unixOnly(fits))
    expect(JSON.parse(await textOver(fits))).toEqual({ host: fits })
    for (const path of [`${fits}b`, join(folder, '\u00e9'.repeat(most - folder.length - 2))]) {
      await expect(serving({ http: tellServer }, unixOnly(path))).rejects.toMatchObject({
        code: 'ERR_CANNOT_LISTEN',
        message: expect.stringContaining(`allows ${most} `) as string,
      })
    }
  })

  it('serves HTTP and WebSockets, and is removed at close()', async () => {
    const path = join(temporaryFolder(), 'chat.sock')
    const server = await serving({ http: tellServer, websocket: echo }, unixOnly(path))
    expect(server).toMatchObject({ url: `unix:${path}`, host: path, port: 0 })
    expect(JSON.parse(await textOver(path))).toEqual({ host: path })
    const client = new WebSocket(`ws+unix:${path}:/`)
    client.once('open', () => client.send('hello'))
    const [message] = (await once(client, 'message')) as [Buffer]
    expect(message.toString()).toBe('hello')
    await server.close()
    expect(() => statSync(path)).toThrow('ENOENT')
  })

  it('has the permissions of its mode', async () => {
    const path = join(temporaryFolder(), 'chat.sock')
    await serving({ http: tellServer }, unixOnly(path, 0o660))
    expect(statSync(path).mode & 0o777).toBe(0o660)
  })

  it('replaces a stale socket', async () => {
    const path = join(temporaryFolder(), 'chat.sock')
    // A server that was killed leaves its file behind: a second name of it stays when the first is unlinked.
    const killed = createServer().listen(`${path}.killed`)
    await once(killed, 'listening')
    linkSync(`${path}.killed`, path)
    killed.close()
    await once(killed, 'close')
    expect(statSync(path).isSocket()).toBe(true)
    await serving({ http: tellServer }, unixOnly(path))
    expect(JSON.parse(await textOver(path))).toEqual({ host: path })
  })

  it('keeps a socket on which another process listens', async () => {
    const path = join(temporaryFolder(), 'chat.sock')
    await serving({ http: tellServer }, unixOnly(path))
    await expect(serving({ http: tellServer }, unixOnly(path))).rejects.toMatchObject({ code: 'ERR_ADDRESS_TAKEN' })
    expect(JSON.parse(await textOver(path))).toEqual({ host: path })
  })

  it('keeps a file that is not a socket', async () => {
    const path = join(temporaryFolder(), 'notes.txt')
    writeFileSync(path, 'mine')
    await expect(serving({ http: tellServer }, unixOnly(path))).rejects.toMatchObject({ code: 'ERR_ADDRESS_TAKEN' })
    expect(statSync(path).size).toBe(4)
  })
})

describe('systemdSockets()', () => {
  it('returns the descriptors from 3 for the process of LISTEN_PID', () => {
    expect(systemdSockets({ LISTEN_PID: '42', LISTEN_FDS: '2' }, 42)).toEqual([{ fd: 3 }, { fd: 4 }])
  })

  it.each([
    { LISTEN_PID: '41', LISTEN_FDS: '2' },
    { LISTEN_FDS: '2' },
    { LISTEN_PID: '42' },
    { LISTEN_PID: '42', LISTEN_FDS: 'x' },
  ])('returns no descriptor with %j', (environment) => {
    expect(systemdSockets(environment, 42)).toEqual([])
  })
})
