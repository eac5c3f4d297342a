import { execFile } from 'node:child_process'
import { once, setMaxListeners } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect, promisify } from 'node:util'

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { describeWith, programPath } from '../../../test/setup/describe-with.ts'
import { freePort } from '../../../test/setup/free-port.ts'
import { patiently } from '../../../test/setup/patiently.ts'
import { parseCluster, parseHost } from '../src/connection/host-address.ts'
import { RedisChannelLayer, RedisPubSubChannelLayer, type ClusterHost, type RedisHost } from '../src/index.ts'
import { RedisServer } from './redis-server.ts'

const layers = { RedisPubSubChannelLayer, RedisChannelLayer }

describe('parseHost', () => {
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
    ['redis://:s3cr%2Fet%2BPass@h', { host: 'h', port: 6379, password: 's3cr/et+Pass' }],
    ['redis://:p:q@h', { host: 'h', port: 6379, password: 'p:q' }],
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
    [
      { sentinels: [['s', 26379]], masterName: 'main', tls: { servername: 'r' }, sentinelTls: true },
      {
        name: 'main',
        sentinels: [{ host: 's', port: 26379 }],
        sentinelTLS: {},
        tls: { servername: 'r' },
        enableTLSForSentinelMode: true,
      },
    ],
    [
      { address: 'redis://:secret@a.example', password: undefined },
      { host: 'a.example', port: 6379, password: 'secret' },
    ],
  ] satisfies [RedisHost, object][])('%j is understood', (host, options) => {
    expect(parseHost(host).options).toEqual(options)
  })

  it('labels a host without its password', () => {
    for (const host of ['redis://u:secret@h:1', 'unix:///p?password=secret', { password: 'secret' }] as RedisHost[]) {
      expect(parseHost(host).label).not.toContain('secret')
    }
  })

  it('labels a host with rediss: if it uses TLS', () => {
    expect(parseHost('rediss://h:1').label).toBe('rediss://h:1')
    expect(parseCluster({ cluster: [['h', 1]], tls: true }).map(({ label }) => label)).toEqual(['rediss://h:1'])
  })

  it.each([
    'redis://:SECRET/SECRET@h:6379',
    'redis://:SECRET#SECRET@h:6379',
    'redis://:SECRET?SECRET@h:6379',
    'redis://:SECRET%@h:6379',
    'redis://SECRET%:x@h:6379',
    'redis://SECRET:12/SECRET@h',
    'redis://SECRET:12?SECRET@h',
    'redis://SECRET:12#SECRET@h',
    'redis://SECRET#SECRET',
    'redis://h/SECRET',
    'redis://h?db=SECRET',
    'redis//:SECRET@h',
    'SECRET:SECRET@h:6379',
    'http://:SECRET@h',
    'rediss://:SECRET@h?ssl_ca_certs=/nope',
    'rediss://:SECRET@h?ssl_cert_reqs=SECRET',
    'rediss://:SECRET@h?ssl_SECRET=SECRET',
    'redis://:SECRET@h?ssl_cert_reqs=none',
    'unix://SECRET/run/redis.sock',
    'unix:///run/SECRET%.sock',
  ])('rejects %s, names the option, and quotes nothing of the URL', (url) => {
    for (const [host, name] of [
      [url, 'hosts[1]'],
      [{ address: url }, 'hosts[1].address'],
    ] as const) {
      const error = failure(() => new RedisChannelLayer({ hosts: ['redis://localhost', host] }))
      expect(error).toMatchObject({ code: 'ERR_BAD_OPTION', message: expect.stringContaining(name) })
      expect(inspect(error)).not.toContain('SECRET')
    }
  })

  it.each(['redis://:se/cret@h:6379', 'redis://:se#cret@h', 'redis://:100%@h'])(
    'rejects %s, and asks to percent-encode the password',
    (url) => {
      expect(() => parseHost(url)).toThrow(/Percent-encode the characters \/ # \? % and @/)
    },
  )

  it.each([
    [['a:1'], 'hosts[0] must be a pair [host, port].'],
    [['a', '6379'], 'hosts[0][1] is a string: give a number.'],
    [['a', 0], 'hosts[0][1] must be a port from 1 to 65535, not 0.'],
    [{ url: 'redis://h' }, 'hosts[0].url is not an option of a Redis server'],
    [{ host: 'redis://h' }, 'hosts[0].host is a URL or a path: it must be a host name. Give a URL as address.'],
    [{ host: 'h:6379' }, 'hosts[0].host must be a host name alone: give its port as port.'],
    [{ host: 'h', port: '6379' }, 'hosts[0].port is a string: give a number.'],
    [{ host: '' }, 'hosts[0].host must be a string that is not empty.'],
    [{ host: 'h', db: '1' }, 'hosts[0].db must be a whole number from 0.'],
    [{ host: 'h', password: 7 }, 'hosts[0].password must be a string, not number.'],
    [{ host: 'h', tls: 'true' }, 'hosts[0].tls must be true, false or the options of tls.connect.'],
    [{ socket: { host: 'h' } }, 'hosts[0].socket is not an option of a Redis server'],
    [{ host: 'h', path: '/p' }, 'hosts[0] has a path and a host or port: give either.'],
    [{ address: 'unix:///p', host: 'h' }, 'hosts[0] has a unix: address and a host or port: give either.'],
    [{ sentinels: [{ host: 's', port: 1 }], masterName: 'm' }, 'hosts[0].sentinels[0] must be a pair [host, port].'],
    [{ sentinels: [['s', 1]], name: 'm' }, 'hosts[0].name is not an option of a Redis behind Sentinels'],
    [{ sentinels: [['s', 1]] }, 'hosts[0].masterName must be a string that is not empty.'],
    [{ sentinels: [], masterName: 'm' }, 'hosts[0].sentinels must be an array of at least one [host, port].'],
    [{ cluster: [['h', 1]] }, 'hosts[0] is a Redis Cluster: give it as the option cluster'],
    [null, 'hosts[0] must be a URL, a pair [host, port] or an object, not null.'],
  ])('rejects %j and names the mistake', (host, message) => {
    const error = failure(() => new RedisPubSubChannelLayer({ hosts: [host as RedisHost] }))
    expect(error).toMatchObject({ code: 'ERR_BAD_OPTION', message: expect.stringContaining(message) })
  })

  it.each([
    [{ cluster: [] }, 'cluster.cluster must be an array of at least one [host, port].'],
    [{ cluster: ['a:1'] }, 'cluster.cluster[0] must be a pair [host, port].'],
    [{ cluster: [['a', 1]], db: 1 }, 'cluster.db is not an option of a Redis Cluster'],
  ])('rejects %j as a cluster and names the mistake', (cluster, message) => {
    const error = failure(() => new RedisPubSubChannelLayer({ cluster: cluster as unknown as ClusterHost }))
    expect(error).toMatchObject({ code: 'ERR_BAD_OPTION', message: expect.stringContaining(message) })
  })
})

function failure(act: () => unknown): unknown {
  try {
    act()
  } catch (error) {
    return error
  }
  throw new Error('It did not throw.')
}

describeWith(['redis', 'openssl'], 'Redis layers', () => {
  let folder: string
  let plain: RedisServer
  let secure: RedisServer
  let cluster: RedisServer
  let secureSentinel: RedisServer
  let plainSentinel: RedisServer
  let secureSentinelPort: number
  let clusterPort: number
  let tlsPort: number
  let other: number
  const otherProgram = createServer((socket) => {
    socket.on('error', () => {})
    socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')
  })
  let made: (RedisPubSubChannelLayer | RedisChannelLayer)[] = []

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tideway-hosts-'))
    const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
    const command = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost'
    const files = ['-keyout', key, '-out', certificate, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
    await promisify(execFile)(programPath('openssl'), [...command.split(' '), ...files])
    otherProgram.listen(0, '127.0.0.1')
    await once(otherProgram, 'listening')
    other = (otherProgram.address() as AddressInfo).port
    plain = await RedisServer.start('--unixsocket', join(folder, 'redis.sock'))
    ;[tlsPort, clusterPort, secureSentinelPort] = await Promise.all([freePort(), freePort(), freePort()])
    const tls = (port: number): string[] =>
      `--tls-port ${port} --tls-auth-clients no --tls-cert-file ${certificate} --tls-key-file ${key} --tls-ca-cert-file ${certificate}`.split(
        ' ',
      )
    secure = await RedisServer.start(...tls(tlsPort))
    cluster = await RedisServer.start(...tls(clusterPort), ...'--cluster-enabled yes --tls-cluster yes'.split(' '))
    await cluster.client.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
    secureSentinel = await RedisServer.startSentinel(
      [...tls(secureSentinelPort), '--tls-replication', 'yes'],
      `sentinel monitor main 127.0.0.1 ${tlsPort} 1`,
    )
    plainSentinel = await RedisServer.startSentinel([], `sentinel monitor main 127.0.0.1 ${plain.port} 1`)
  })
  afterEach(async () => {
    await Promise.all(made.map((layer) => layer.close()))
    made = []
  })
  afterAll(async () => {
    otherProgram.close()
    const servers = [plain, secure, cluster, secureSentinel, plainSentinel]
    await Promise.all(servers.map((server) => server?.stop()))
    await rm(folder, { recursive: true })
  })

  it('connect with TLS to the nodes of a cluster', async () => {
    const ca = await readFile(join(folder, 'certificate.pem'))
    await patiently(async () => expect(await cluster.client.cluster('INFO')).toContain('cluster_state:ok'))
    const layer = new RedisPubSubChannelLayer({ cluster: { cluster: [['127.0.0.1', clusterPort]], tls: { ca } } })
    made.push(layer)
    const channel = layer.newChannel()
    await layer.groupAdd('room', channel)
    await layer.groupSend('room', { type: 'grouped' })
    expect(await layer.receive(channel)).toEqual({ type: 'grouped' })
    expect(await layer.diagnose()).toContainEqual(
      expect.objectContaining({ level: 'ok', found: `Redis at rediss://127.0.0.1:${clusterPort} answers.` }),
    )
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

    it('connect through a unix socket', () => worksTogether(`unix://${join(folder, 'redis.sock')}`))

    it('connect with TLS', async () => {
      const ca = await readFile(join(folder, 'certificate.pem'))
      await worksTogether({ host: 'localhost', port: tlsPort, tls: { ca } })
      await worksTogether(`rediss://127.0.0.1:${tlsPort}?ssl_ca_certs=${join(folder, 'certificate.pem')}`)
      await worksTogether(`rediss://127.0.0.1:${tlsPort}?ssl_cert_reqs=none`)
    })

    it('reject a certificate that is not trusted', async () => {
      await expect(makeLayer(`rediss://127.0.0.1:${tlsPort}`).ready()).rejects.toMatchObject({
        code: 'ERR_LAYER_UNAVAILABLE',
        message: expect.stringContaining('fails the TLS handshake'),
      })
    })

    it('connect with TLS behind Sentinels with TLS', async () => {
      const ca = await readFile(join(folder, 'certificate.pem'))
      const host = { sentinels: [['127.0.0.1', secureSentinelPort]], masterName: 'main' } as const
      await worksTogether({ ...host, tls: { ca }, sentinelTls: { ca } })
      const findings = await makeLayer({ ...host, tls: { ca }, sentinelTls: { ca } }).diagnose()
      expect(findings[0]).toMatchObject({ check: 'redis-reachable', level: 'ok' })
      const plainly = await makeLayer({ ...host, tls: { ca } }).diagnose()
      expect(plainly[0]).toMatchObject({ check: 'redis-reachable', level: 'problem' })
    })

    it('never connect in clear text behind Sentinels if tls is set', async () => {
      const sentinels = [plainSentinel.address]
      const host = { sentinels, masterName: 'main', password: 'top secret', tls: true }
      const layer = new layers[kind]({ hosts: [host], connectTimeoutMs: 500 })
      made.push(layer)
      await expect(layer.ready()).rejects.toMatchObject({ code: 'ERR_LAYER_UNAVAILABLE' })
      await makeLayer({ sentinels, masterName: 'main' }).ready()
    })

    it.each([
      ['a Redis with TLS is reached without it', () => `redis://127.0.0.1:${tlsPort}`, 'write rediss: if it uses TLS'],
      ['one without TLS is reached with it', () => `rediss://127.0.0.1:${plain.port}`, 'write redis: if it does not'],
      ['another program is reached', () => `redis://127.0.0.1:${other}`, 'does not answer as a Redis does'],
    ])('report the option to change if %s', async (_what, url, hint) => {
      const layer = new layers[kind]({ hosts: [url()], connectTimeoutMs: 500 })
      made.push(layer)
      const message = expect.stringContaining(hint)
      await expect(layer.ready()).rejects.toMatchObject({ code: 'ERR_LAYER_UNAVAILABLE', message })
      expect(await layer.diagnose()).toEqual([expect.objectContaining({ level: 'problem', found: message })])
    })

    it('connect to hosts of different kinds', async () => {
      await worksTogether(plain.address, `rediss://127.0.0.1:${tlsPort}?ssl_cert_reqs=none`)
    })

    it('open at most three connections per host', async () => {
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
