import dns from 'node:dns'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { inspect } from 'node:util'

import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'

import { describeWith } from '../../../test/setup/describe-with.ts'
import { freePort } from '../../../test/setup/free-port.ts'
import { patiently } from '../../../test/setup/patiently.ts'
import { RedisChannelLayer, RedisPubSubChannelLayer, type RedisHost, type RedisLayerOptions } from '../src/index.ts'
import { redisCli, RedisServer } from './redis-server.ts'

type Lookup = (error: Error | null, ...result: unknown[]) => void

const layers = { RedisPubSubChannelLayer, RedisChannelLayer }

describeWith(['redis'], 'Redis layers at startup', () => {
  let server: RedisServer
  let made: (RedisPubSubChannelLayer | RedisChannelLayer)[] = []

  beforeAll(async () => {
    server = await RedisServer.start('--requirepass', 'open sesame')
  })
  afterEach(async () => {
    await Promise.all(made.map((layer) => layer.close()))
    made = []
  })
  afterAll(() => server.stop())

  describe.each(['RedisPubSubChannelLayer', 'RedisChannelLayer'] as const)('under %s', (kind) => {
    function makeLayer(host: RedisHost, options: RedisLayerOptions = {}): RedisPubSubChannelLayer | RedisChannelLayer {
      const layer = new layers[kind]({ ...options, hosts: [host] })
      made.push(layer)
      return layer
    }

    it('reject every call if the password is wrong', async () => {
      const layer = makeLayer({ port: server.port, host: '127.0.0.1', password: 'wrong' })
      const refused = {
        code: 'ERR_LAYER_UNAVAILABLE',
        message: expect.stringMatching(/127\.0\.0\.1:\d+ refuses the user name or password: check hosts/),
      }
      await expect(layer.ready()).rejects.toMatchObject(refused)
      await expect(layer.send('jobs', { type: 'x' })).rejects.toMatchObject(refused)
      await expect(layer.groupSend('room', { type: 'x' })).rejects.toMatchObject(refused)
      await expect(layer.groupAdd('room', layer.newChannel())).rejects.toMatchObject(refused)
      await expect(layer.receive('jobs')).rejects.toMatchObject(refused)
      expect(layer.stats().groups).toBe(0)
    })

    it('omit the password in the error and its causes if the password is wrong', async () => {
      const layer = makeLayer({ port: server.port, host: '127.0.0.1', password: 'SECRET' })
      const error: unknown = await layer.ready().catch((reason: unknown) => reason)
      expect(inspect(error, { depth: null, showHidden: true })).toContain('WRONGPASS')
      expect(inspect(error, { depth: null, showHidden: true })).not.toContain('SECRET')
    })

    it('report a missing password', async () => {
      await expect(makeLayer(server.url).ready()).rejects.toThrow(/refuses the user name or password/)
    })

    it('accept the right password in every notation', async () => {
      const address = `127.0.0.1:${server.port}`
      for (const host of [
        `redis://:open%20sesame@${address}`,
        `redis://default:open%20sesame@${address}/3`,
        { address: `redis://${address}`, password: 'open sesame' },
        { host: '127.0.0.1', port: server.port, username: 'default', password: 'open sesame', db: 2 },
      ] satisfies RedisHost[]) {
        await expect(makeLayer(host).ready()).resolves.toBeUndefined()
      }
    })

    it('report an unknown host name after connectTimeoutMs', async () => {
      const layer = makeLayer('redis://no-such-host.invalid', { connectTimeoutMs: 300 })
      await expect(layer.ready()).rejects.toMatchObject({
        code: 'ERR_LAYER_UNAVAILABLE',
        message: expect.stringMatching(/its host name does not exist \(|cannot be reached \(.*EAI_AGAIN/),
      })
    })

    it('wait for a host name that is registered later', async () => {
      const late = await RedisServer.start()
      const { lookup } = dns
      try {
        // net.connect resolves names with this function.
        const missing = vi.spyOn(dns, 'lookup').mockImplementation(((name: string, _options: object, done: Lookup) => {
          done(Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND' }))
        }) as never)
        const layer = makeLayer(`redis://redis.invalid:${late.port}`, { maxReconnectDelayMs: 50 })
        const ready = layer.ready()
        await patiently(() => expect(missing.mock.calls.length).toBeGreaterThan(3))
        missing.mockImplementation(((_name: string, options: object, done: Lookup) => {
          lookup('127.0.0.1', options, done as never)
        }) as never)
        await ready
      } finally {
        vi.restoreAllMocks()
        await late.stop()
      }
    })

    it('wait for a Redis that loads its data', async () => {
      const late = await RedisServer.start(
        '--key-load-delay',
        '20000',
        '--loading-process-events-interval-bytes',
        '1024',
      )
      try {
        for (let key = 0; key < 40; key++) await late.client.set(`key-${key}`, 'x'.repeat(1000))
        await late.client.save()
        await late.crash()
        const isRunning = late.run()
        const layer = makeLayer(late.url, { maxReconnectDelayMs: 50 })
        const persistence = (): Promise<string> => redisCli('-p', String(late.port), 'info', 'persistence')
        await patiently(async () => expect(await persistence()).toContain('loading:1'))
        const sent = layer.send('jobs', { type: 'x' })
        await Promise.all([isRunning, sent])
        expect(await layer.receive('jobs')).toEqual({ type: 'x' })
      } finally {
        await late.stop()
      }
    })

    it('report a database that does not exist', async () => {
      const host = { host: '127.0.0.1', port: server.port, password: 'open sesame', db: 4711 }
      await expect(makeLayer(host).ready()).rejects.toThrow(/does not have the database/)
    })

    it('reject a Redis that is too old', async () => {
      const old = await startOldRedis()
      try {
        await expect(makeLayer(['127.0.0.1', old.port]).ready()).rejects.toThrow(
          /is version 4\.0\.14: version 5\.0 or later is required/,
        )
      } finally {
        await old.stop()
      }
    })

    it('report a refused connection after connectTimeoutMs', async () => {
      const port = await freePort()
      const layer = makeLayer(['127.0.0.1', port], { connectTimeoutMs: 300 })
      await expect(layer.ready()).rejects.toThrow(/cannot be reached \(.*ECONNREFUSED/)
      await expect(layer.send('jobs', { type: 'x' })).rejects.toMatchObject({ code: 'ERR_LAYER_UNAVAILABLE' })
    })

    it('wait for a Redis that starts later', async () => {
      const late = await RedisServer.start()
      try {
        await late.crash()
        const layer = makeLayer(late.url, { maxReconnectDelayMs: 50 })
        const sent = layer.send('jobs', { type: 'x' })
        await late.run()
        await sent
        expect(await layer.receive('jobs')).toEqual({ type: 'x' })
      } finally {
        await late.stop()
      }
    })

    it('open no connection before the first call', async () => {
      const server = createServer()
      let connections = 0
      server.on('connection', () => connections++).listen(0, '127.0.0.1')
      await once(server, 'listening')
      const layer = makeLayer(['127.0.0.1', (server.address() as AddressInfo).port])
      layer.on('disconnected', () => {})
      expect(layer.stats()).toMatchObject({ groups: 0, reconnects: 0 })
      await new Promise((resolve) => setImmediate(resolve))
      await layer.close()
      server.close()
      expect(connections).toBe(0)
    })
  })
})

it('RedisPubSubChannelLayer rejects a cluster of a Redis before version 7', async () => {
  const old = await startOldRedis()
  const layer = new RedisPubSubChannelLayer({ cluster: { cluster: [['127.0.0.1', old.port]] } })
  try {
    await expect(layer.ready()).rejects.toThrow(/is version 4\.0\.14: version 7\.0 or later is required/)
  } finally {
    await layer.close()
    await old.stop()
  }
})

describe('the options of Redis layers', () => {
  it.each([
    [{ hosts: [] }, /hosts must be an array of at least one/],
    [{ hosts: 'redis://localhost' as never }, /hosts must be an array/],
    [{ hosts: ['localhost:6379'] }, /is not the URL of a Redis: write redis:/],
    [{ hosts: ['nonsense'] }, /is not the URL of a Redis/],
    [{ hosts: ['http://localhost'] }, /is not the URL of a Redis/],
    [{ hosts: ['redis://localhost/x'] }, /a database that is not a number/],
    [{ hosts: [['localhost', 0]] as const }, /must be a port from 1/],
    [{ hosts: [{ sentinels: [], masterName: 'x' }] }, /sentinels must be/],
    [{ hosts: [7 as never] }, /must be a URL, a pair \[host, port\] or an object/],
    [{ prefix: 7 as never }, /prefix must be/],
    [{ heartbeatIntervalMs: 0 }, /heartbeatIntervalMs must be a number from 1/],
    [{ symmetricEncryptionKeys: [''] }, /symmetricEncryptionKeys\[0\] is empty/],
    [{ symmetricEncryptionKeys: ['0123456789'.repeat(4), undefined as never] }, /symmetricEncryptionKeys\[1\] must be/],
    [{ waitWhileDownMs: -1 }, /waitWhileDownMs must be a number from 0/],
    [{ commandTimeoutMs: Infinity }, /commandTimeoutMs/],
    [{ capacity: 0 }, /capacity must be/],
  ] as const)('are rejected if they are %j', (options, message) => {
    const refused = expect.objectContaining({ code: 'ERR_BAD_OPTION', message: expect.stringMatching(message) })
    expect(() => new RedisPubSubChannelLayer(options as RedisLayerOptions)).toThrow(refused)
    expect(() => new RedisChannelLayer(options as RedisLayerOptions)).toThrow(refused)
  })

  it.each([
    [31, ['symmetricEncryptionKeys[0] has 31 bytes, which can be guessed: give at least 32 random bytes.']],
    [32, []],
  ])('have an encryption key of %i bytes lead to the process warnings %j', async (length, expected) => {
    const warnings: string[] = []
    const listener = ({ message }: Error): void => void warnings.push(message)
    process.on('warning', listener)
    onTestFinished(() => void process.off('warning', listener))
    void new RedisChannelLayer({ symmetricEncryptionKeys: ['k'.repeat(length)] })
    // Warnings are emitted in a later tick, in order.
    process.emitWarning('the last one')
    await patiently(() => expect(warnings).toContain('the last one'))
    expect(warnings.slice(0, -1)).toEqual(expected)
  })

  it('are validated in the core layer', () => {
    for (const options of [{ processCapacity: 0 }, { leaseMs: 0.5 }, { randomPrefixLength: 2000 }]) {
      expect(() => new RedisChannelLayer(options)).toThrow(/must be a whole number from 1/)
    }
  })
})

/** A server that replies as Redis 4, which is no longer available. */
async function startOldRedis(): Promise<{ port: number; stop: () => Promise<void> }> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (data) => {
      for (const [, command] of data.toString().matchAll(/\*\d+\r\n\$\d+\r\n(\w+)\r\n/g)) {
        const info = '# Server\r\nredis_version:4.0.14\r\nloading:0\r\n'
        socket.write(command!.toLowerCase() === 'info' ? `$${info.length}\r\n${info}\r\n` : '+OK\r\n')
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    stop: async () => {
      server.close()
      await once(server, 'close')
    },
  }
}
