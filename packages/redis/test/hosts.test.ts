import { execFile } from 'node:child_process'
import { setMaxListeners } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { describeWith, programPath } from '../../../test/setup/describe-with.ts'
import { freePort } from '../../../test/setup/free-port.ts'
import { parseHost } from '../src/host-address.ts'
import { RedisChannelLayer, RedisPubSubChannelLayer, type RedisHost } from '../src/index.ts'
import { RedisServer } from './redis-server.ts'

const layers = { RedisPubSubChannelLayer, RedisChannelLayer }

describe('a host', () => {
  it.each([
    ['redis://localhost', { host: 'localhost', port: 6379 }],
    ['redis://a.example:6380/2', { host: 'a.example', port: 6380, db: 2 }],
    [
      'redis://user:p%40ss@a.example?db=3',
      { host: 'a.example', port: 6379, username: 'user', password: 'p@ss', db: 3 },
    ],
    ['redis://[::1]:6380', { host: '::1', port: 6380 }],
    ['rediss://a.example', { host: 'a.example', port: 6379, tls: {} }],
    ['rediss://a.example?ssl_cert_reqs=none', { host: 'a.example', port: 6379, tls: { rejectUnauthorized: false } }],
    ['unix:///run/redis.sock?db=1&password=x', { path: '/run/redis.sock', db: 1, password: 'x' }],
    [{ path: '/run/redis.sock' }, { path: '/run/redis.sock' }],
    [['a.example', 6380], { host: 'a.example', port: 6380 }],
    [
      { address: 'redis://a.example', db: 4, tls: true },
      { host: 'a.example', port: 6379, db: 4, tls: {} },
    ],
    [
      { sentinels: [['s', 26379]], masterName: 'main', password: 'x', sentinelPassword: 'y' },
      { name: 'main', sentinels: [{ host: 's', port: 26379 }], password: 'x', sentinelPassword: 'y' },
    ],
  ] satisfies [RedisHost, object][])('%j is understood', (host, options) => {
    expect(parseHost(host).options).toEqual(options)
  })

  it('is named without its password', () => {
    for (const host of ['redis://u:secret@h:1', 'unix:///p?password=secret', { password: 'secret' }] as RedisHost[]) {
      expect(parseHost(host).label).not.toContain('secret')
    }
  })
})

describeWith(['redis', 'openssl'], 'hosts of every kind', () => {
  let folder: string
  let plain: RedisServer
  let secure: RedisServer
  let tlsPort: number
  let made: (RedisPubSubChannelLayer | RedisChannelLayer)[] = []

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tideway-hosts-'))
    const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
    const command = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost'
    const files = ['-keyout', key, '-out', certificate, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
    await promisify(execFile)(programPath('openssl'), [...command.split(' '), ...files])
    plain = await RedisServer.start('--unixsocket', join(folder, 'redis.sock'))
    tlsPort = await freePort()
    const tls = `--tls-port ${tlsPort} --tls-auth-clients no --tls-cert-file ${certificate} --tls-key-file ${key}`
    secure = await RedisServer.start(...tls.split(' '), '--tls-ca-cert-file', certificate)
  })
  afterEach(async () => {
    await Promise.all(made.map((layer) => layer.close()))
    made = []
  })
  afterAll(async () => {
    await Promise.all([plain.stop(), secure.stop()])
    await rm(folder, { recursive: true })
  })

  describe.each(['RedisPubSubChannelLayer', 'RedisChannelLayer'] as const)('under %s', (kind) => {
    function makeLayer(...hosts: RedisHost[]): RedisPubSubChannelLayer | RedisChannelLayer {
      const layer = new layers[kind]({ hosts })
      made.push(layer)
      return layer
    }

    async function worksTogether(...hosts: RedisHost[]): Promise<void> {
      const [layer, sender] = [makeLayer(...hosts), makeLayer(...hosts)]
      await Promise.all([layer.ready(), sender.ready()])
      const channel = layer.newChannel()
      await layer.groupAdd('room', channel)
      await sender.groupSend('room', { type: 'grouped' })
      expect(await layer.receive(channel)).toEqual({ type: 'grouped' })
      await sender.send(channel, { type: 'direct' })
      expect(await layer.receive(channel)).toEqual({ type: 'direct' })
      await sender.send('jobs', { type: 'job' })
      expect(await layer.receive('jobs')).toEqual({ type: 'job' })
    }

    it('are reached by a unix socket', () => worksTogether(`unix://${join(folder, 'redis.sock')}`))

    it('are reached with TLS', async () => {
      const ca = await readFile(join(folder, 'certificate.pem'))
      await worksTogether({ host: 'localhost', port: tlsPort, tls: { ca } })
      await worksTogether(`rediss://127.0.0.1:${tlsPort}?ssl_ca_certs=${join(folder, 'certificate.pem')}`)
      await worksTogether(`rediss://127.0.0.1:${tlsPort}?ssl_cert_reqs=none`)
    })

    it('are refused when their certificate is not trusted', async () => {
      await expect(makeLayer(`rediss://127.0.0.1:${tlsPort}`).ready()).rejects.toMatchObject({
        code: 'ERR_LAYER_UNAVAILABLE',
        message: expect.stringContaining('cannot be spoken to with TLS'),
      })
    })

    it('may be mixed', async () => {
      await worksTogether(plain.address, `rediss://127.0.0.1:${tlsPort}?ssl_cert_reqs=none`)
    })

    it('get at most three connections each, whatever is done', async () => {
      const layer = makeLayer(plain.url, secure.url)
      await layer.ready()
      const channels = Array.from({ length: 200 }, () => layer.newChannel('prefix'))
      for (const [number, channel] of channels.entries()) await layer.groupAdd(`room-${number}`, channel)
      const stop = new AbortController()
      setMaxListeners(0, stop.signal)
      const waiting = channels.map((_, n) => layer.receive(`jobs-${n}`, { signal: stop.signal }).catch(() => {}))
      await Promise.all(channels.map((channel) => layer.send(channel, { type: 'x' })))
      await Promise.all(channels.map((_, number) => layer.groupSend(`room-${number}`, { type: 'x' })))
      for (const { client } of [plain, secure]) {
        const clients = (await client.call('CLIENT', 'LIST')) as string
        expect(clients.match(/name=tideway-/g)!.length).toBeLessThanOrEqual(3)
      }
      stop.abort()
      await Promise.all(waiting)
    })
  })
})
