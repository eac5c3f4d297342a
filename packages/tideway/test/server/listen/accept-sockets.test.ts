import { spawnSync } from 'node:child_process'
import { channel } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, Server } from 'node:http'
import { connect, type ListenOptions, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { acceptSockets } from '../../../src/server/listen/accept-sockets.ts'

/** A listening server, with the accept under test or with Node's own. */
async function listening(isOwn: boolean, options: object = {}, target: ListenOptions = { port: 0 }): Promise<Server> {
  const server = createServer(options)
  if (isOwn) acceptSockets(server)
  server.listen({ host: '127.0.0.1', ...target })
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  return server
}

function connectTo(server: Server): Socket {
  const address = server.address()!
  const socket = connect(typeof address === 'string' ? { path: address } : { port: address.port, host: '127.0.0.1' })
  onTestFinished(() => void socket.destroy())
  return socket.on('error', () => {})
}

async function accepted(server: Server): Promise<Socket> {
  const connection = once(server, 'connection') as Promise<[Socket]>
  connectTo(server)
  return (await connection)[0]
}

/** The properties of an object and of its states, without what is different for each connection. */
function facts(value: unknown, depth = 2): unknown {
  if (typeof value === 'function') return `function ${value.name}`
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Server) return 'the server'
  if (depth === 0) return value.constructor?.name
  const entries = Reflect.ownKeys(value).map((key) => [String(key), (value as Record<string | symbol, unknown>)[key]])
  const isOwn = /async_id|lastWriteQueueSize|_idle|kTimeout/
  return entries.filter(([key]) => !isOwn.test(String(key))).map(([key, inner]) => [key, facts(inner, depth - 1)])
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tideway-accept-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

describe('accepted sockets', () => {
  it.each([
    ['over TCP', {}],
    ['over TCP without noDelay', { noDelay: false }],
    ['with keepAlive', { keepAlive: true, keepAliveInitialDelay: 5000 }],
    ['with a high-water mark', { highWaterMark: 1234 }],
  ])('equal those of Node %s', async (_, options) => {
    const [own, node] = [await listening(true, options), await listening(false, options)]
    expect(facts(await accepted(own))).toEqual(facts(await accepted(node)))
  })

  it('equal those of Node over a Unix socket', async () => {
    const folder = temporaryFolder()
    const servers = await Promise.all(
      [true, false].map((isOwn) => listening(isOwn, {}, { path: join(folder, `${isOwn}.sock`) })),
    )
    const [own, node] = await Promise.all(servers.map(accepted))
    expect(facts(own)).toEqual(facts(node))
  })

  it('are counted, and refused above maxConnections', async () => {
    const server = await listening(true)
    const count = (): Promise<number> =>
      new Promise((resolve, reject) => server.getConnections((error, n) => (error ? reject(error) : resolve(n))))
    const socket = await accepted(server)
    expect(await count()).toBe(1)
    server.maxConnections = 1
    const dropped = once(server, 'drop')
    const refused = connectTo(server)
    await Promise.all([dropped, once(refused, 'close')])
    socket.destroy()
    await once(socket, 'close')
    expect(await count()).toBe(0)
  })

  it('are published to diagnostics_channel', async () => {
    const sockets: unknown[] = []
    const listener = (message: unknown): void => void sockets.push((message as { socket: Socket }).socket)
    const published = channel('net.server.socket')
    published.subscribe(listener)
    onTestFinished(() => {
      published.unsubscribe(listener)
    })
    expect(sockets).toEqual([await accepted(await listening(true))])
  })

  it('do not change the report of a failed accept', async () => {
    const server = await listening(true)
    const failed = once(server, 'error')
    const { _handle: handle } = server as unknown as { _handle: { onconnection(error: number): void } }
    // The number of EMFILE on Linux in libuv.
    handle.onconnection(-24)
    expect((await failed)[0]).toMatchObject({ syscall: 'accept' })
  })

  it('are accepted again after the server has listened a second time', async () => {
    const server = await listening(true)
    server.close()
    await once(server, 'close')
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    expect((await accepted(server)).remoteAddress).toBe('127.0.0.1')
  })

  it('make no hidden class each', () => {
    const log = join(temporaryFolder(), 'v8.log')
    const program = fileURLToPath(new URL('fixture/accepts.mjs', import.meta.url))
    const flags = ['--log-maps', '--no-logfile-per-isolate', `--logfile=${log}`]
    const { status, stdout } = spawnSync(process.execPath, [...flags, program], { encoding: 'utf8' })
    expect({ status, stdout }).toEqual({ status: 0, stdout: '200 connections\n' })
    const classes = readFileSync(log, 'utf8').split('\n')
    expect(classes.filter((line) => /^map,Transition,.*,decodeStrings$/.test(line)).length).toBeLessThan(20)
  })
})
