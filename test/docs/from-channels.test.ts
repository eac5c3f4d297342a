import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { RedisServer } from '../../packages/redis/test/redis-server.ts'
import { startProgram, type RunningProgram } from '../setup/child-process.ts'
import { describeWith, programPath } from '../setup/describe-with.ts'
import { freePort } from '../setup/free-port.ts'
import { root } from './markdown.ts'
import { compiledTideway } from '../setup/compiled.ts'

// The two programs of docs/from-channels.md, as the page has them: only the port of Redis is another.

describeWith(['redis', 'python'], 'the two programs of docs/from-channels.md', () => {
  let folder: string
  let redis: RedisServer
  const programs: RunningProgram[] = []
  const clients: WebSocket[] = []
  let django: number
  let tideway: number

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tideway-from-channels-'))
    await cp(`${root}test/docs/from-channels`, folder, { recursive: true })
    await symlink(`${root}node_modules`, join(folder, 'node_modules'))
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
    redis = await RedisServer.start()
    for (const file of ['django/myproject/settings.py', 'tideway/application.ts']) {
      const text = await readFile(join(folder, file), 'utf8')
      if (!text.includes('6379')) throw new Error(`${file} names no port of Redis.`)
      await writeFile(join(folder, file), text.replace('6379', String(redis.port)))
    }

    django = await freePort()
    const daphne = ['-m', 'daphne', '-p', String(django), 'myproject.asgi:application']
    programs.push(
      await startProgram(programPath('python'), daphne, {
        cwd: join(folder, 'django'),
        ready: /Listening on TCP address/,
        startTimeoutMs: 60_000,
        env: { PYTHONDONTWRITEBYTECODE: '1' },
      }),
    )
    const server = await startProgram(process.execPath, [compiledTideway, 'serve', 'application.ts', '--port=0'], {
      cwd: join(folder, 'tideway'),
      ready: /Listening on http:\/\/127\.0\.0\.1:(\d+)/,
      startTimeoutMs: 60_000,
    })
    programs.push(server)
    tideway = Number(server.readyMatch![1])
  }, 120_000)

  afterAll(async () => {
    for (const client of clients) client.terminate()
    await Promise.all(programs.map((program) => program.stop()))
    await redis.stop()
    await rm(folder, { recursive: true })
  })

  async function enter(port: number): Promise<WebSocket> {
    const client = new WebSocket(`ws://127.0.0.1:${port}/ws/chat/lobby/`, { origin: 'http://localhost' })
    clients.push(client)
    await once(client, 'open')
    return client
  }

  it('are one chat: a message in either reaches both', async () => {
    const anna = await enter(django)
    const ben = await enter(tideway)
    for (const [speaker, message] of [
      [anna, 'from Channels'],
      [ben, 'from tideway'],
    ] as const) {
      const heard = Promise.all(
        [anna, ben].map(async (client) => String(((await once(client, 'message')) as [Buffer])[0])),
      )
      speaker.send(JSON.stringify({ message }))
      expect((await heard).map((text) => JSON.parse(text) as unknown)).toEqual([
        { message, user: '' },
        { message, user: '' },
      ])
    }
  })

  it.each(['http://evil.example', undefined])('both refuse the origin %s', async (origin) => {
    for (const port of [django, tideway]) {
      const client = new WebSocket(`ws://127.0.0.1:${port}/ws/chat/lobby/`, origin === undefined ? {} : { origin })
      const [, response] = (await once(client, 'unexpected-response')) as [unknown, { statusCode: number }]
      expect(response.statusCode).toBe(403)
      client.terminate()
      client.on('error', () => {})
    }
  })
})

/** What an application does not use, the inside of Channels: methods by class, or `all` of it. */
const INSIDE: Readonly<Record<string, readonly string[] | 'all'>> = {
  AsyncHttpConsumer: ['http_disconnect'],
  AuthMiddleware: ['populate_scope', 'resolve_scope'],
  await_many_dispatch: 'all',
  BaseChannelLayer: ['compile_capacities', 'match_type_and_length', 'valid_channel_names'],
  BoundedQueue: 'all',
  ChannelLayerManager: 'all',
  ChannelLock: 'all',
  database_sync_to_async: ['thread_handler'],
  DatabaseSyncToAsync: 'all',
  InstanceSessionWrapper: 'all',
  OriginValidator: ['get_origin_port', 'match_allowed_origin', 'valid_origin', 'validate_origin'],
  RedisChannelLayer: [
    'consistent_hash',
    'create_pool',
    'decode_hosts',
    'deserialize',
    'make_fernet',
    'receive_single',
    'serialize',
    'wait_received',
  ],
  RedisLoopLayer: 'all',
  RedisPubSubChannelLayer: ['deserialize', 'serialize'],
  RedisPubSubLoopLayer: 'all',
  RedisSingleShardConnection: 'all',
  UserLazyObject: 'all',
  WebsocketDenier: 'all',
  Worker: ['listener'],
}

describeWith(['python'], 'the names in docs/from-channels.md', () => {
  it('are all that the installed Channels and channels_redis have', async () => {
    const script = `${root}test/docs/names-of-channels.py`
    const { stdout } = await promisify(execFile)(programPath('python'), ['-B', script])
    const page = await readFile(`${root}docs/from-channels.md`, 'utf8')
    const words = new Set(page.match(/\w+/g))
    const missing = Object.entries(JSON.parse(stdout) as Record<string, string[]>).flatMap(([name, methods]) => {
      const inside = INSIDE[name] ?? []
      if (inside === 'all') return []
      const unknown = methods.filter((method) => !words.has(method) && !inside.includes(method))
      return [...(words.has(name) ? [] : [name]), ...unknown.map((method) => `${name}.${method}`)]
    })
    expect(missing).toEqual([])
  })
})
