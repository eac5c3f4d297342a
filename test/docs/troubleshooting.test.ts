import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  allowedHostsOriginValidator,
  authMiddlewareStack,
  defineApplication,
  InMemoryChannelLayer,
  originValidator,
  path,
  storeSessions,
  urlRouter,
  WebSocketConsumer,
  type Application,
  type TextOrBytes,
  type WebSocketScope,
} from 'tideway'
import type { Logger } from 'tideway/asgi'
import { MemorySessionStore } from 'tideway/auth'
import { liveServer, type LiveServer } from 'tideway/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { startProgram, type RunningProgram } from '../setup/child-process.ts'
import { describeWith, programPath } from '../setup/describe-with.ts'
import { freePort } from '../setup/free-port.ts'
import { read } from '../architecture/source-files.ts'

// What docs/guides/troubleshooting.md says, tried on real servers: the symptoms, and that the fixes mend them.

const page = read('docs/guides/troubleshooting.md')
const servers: LiveServer[] = []
const clients: WebSocket[] = []
let lines: string[] = []

const logger: Logger = {
  debug() {},
  info: (_details, message) => lines.push(message),
  warn: (_details, message) => lines.push(message),
  error: (details, message) => lines.push(`${message}: ${String((details as { err?: unknown }).err)}`),
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.terminate()
  await Promise.all(servers.splice(0).map((server) => server.close()))
  lines = []
})

class RoomConsumer extends WebSocketConsumer<{ room: string }, object> {
  override async connect() {
    await this.channelLayer.groupAdd('room', this.channelName)
    await this.accept()
  }

  override async receive({ text }: TextOrBytes) {
    await this.channelLayer.groupSend('room', { type: 'said', text: text! })
  }

  onSaid({ text }: { text: string }) {
    return this.send({ text })
  }
}

async function serve(websocket: Application<WebSocketScope>, options = {}, layer = new InMemoryChannelLayer()) {
  const application = defineApplication({ channelLayers: { default: layer }, websocket })
  const server = await liveServer(application, { logger, ...options })
  servers.push(server)
  return server
}

function open(url: string, headers: Readonly<Record<string, string>> = {}): WebSocket {
  const client = new WebSocket(url, { headers })
  client.on('error', () => {})
  clients.push(client)
  return client
}

/** 101, or the status that the handshake was refused with. */
async function statusOf(url: string, headers?: Readonly<Record<string, string>>): Promise<number> {
  const client = open(url, headers)
  return Promise.race([
    once(client, 'open').then(() => 101),
    once(client, 'unexpected-response').then(([, response]) => (response as IncomingMessage).statusCode!),
  ])
}

async function closeCodeOf(client: WebSocket): Promise<number> {
  return ((await once(client, 'close')) as [number])[0]
}

const rooms = urlRouter([path('ws/:room/', RoomConsumer.asApplication())])

describe('a handshake that is refused', () => {
  it('with 403 has an Origin that is not allowed, or none', async () => {
    const { webSocketUrl } = await serve(allowedHostsOriginValidator(rooms, { allowedHosts: ['chat.example.com'] }))
    expect(await statusOf(`${webSocketUrl}/ws/lobby/`, { Origin: 'https://chat.example.com' })).toBe(101)
    expect(await statusOf(`${webSocketUrl}/ws/lobby/`, { Origin: 'https://evil.example' })).toBe(403)
    expect(await statusOf(`${webSocketUrl}/ws/lobby/`)).toBe(403)
    expect(() => originValidator(rooms, ['example.com:8000'])).toThrow('example.com:8000')
  })

  it('with 404 has a path without a route, and the server warns of it', async () => {
    const { webSocketUrl } = await serve(originValidator(rooms, ['*']))
    expect(await statusOf(`${webSocketUrl}/ws/lobby`)).toBe(404)
    expect(await statusOf(`${webSocketUrl}/ws/lobby/`)).toBe(101)
    expect(lines.join('\n')).toContain('ws/lobby')
  })

  it('with 500 was refused by a throw, with 503 by silence', async () => {
    class ThrowingConsumer extends WebSocketConsumer<object, object> {
      override connect() {
        throw new Error('I forgot something.')
      }
    }
    class SilentConsumer extends WebSocketConsumer<object, object> {
      override connect() {}
    }
    const routes = urlRouter([
      path('throws/', ThrowingConsumer.asApplication()),
      path('silent/', SilentConsumer.asApplication()),
    ])
    const { webSocketUrl } = await serve(originValidator(routes, ['*']), { connectTimeoutMs: 100 })
    expect(await statusOf(`${webSocketUrl}/throws/`)).toBe(500)
    expect(await statusOf(`${webSocketUrl}/silent/`)).toBe(503)
    expect(lines.join('\n')).toContain('I forgot something.')
  })
})

it('the server warns at startup that the application has no origin validator', async () => {
  await serve(rooms)
  expect(lines[0]).toContain('The application has no origin validator')
  expect(page).toContain('The application has no origin validator')
  lines = []
  await serve(allowedHostsOriginValidator(rooms))
  expect(lines).toEqual([])
})

describe('a connection that is closed', () => {
  class BadConsumer extends WebSocketConsumer<object, object> {
    override async receive({ text }: TextOrBytes) {
      if (text === 'group') await this.channelLayer.groupSend('대화', { type: 'said' })
      if (text === 'undefined') await this.channelLayer.groupSend('room', { type: 'said', user: undefined })
      throw new Error('I forgot something.')
    }
  }

  it('with 1011 had a handler that threw, and the log has what', async () => {
    const { webSocketUrl } = await serve(originValidator(urlRouter([path('', BadConsumer.asApplication())]), ['*']))
    for (const [text, reported] of [
      ['hello', 'I forgot something.'],
      ['group', 'Group name "대화" must'],
      ['undefined', 'message.user is undefined'],
    ] as const) {
      const client = open(webSocketUrl)
      await once(client, 'open')
      client.send(text)
      expect(await closeCodeOf(client)).toBe(1011)
      await expect.poll(() => lines.join('\n')).toContain(reported)
    }
  })

  it('with 1009 sent more than maxMessageBytes', async () => {
    const { webSocketUrl } = await serve(originValidator(rooms, ['*']), { maxMessageBytes: 1000 })
    const client = open(`${webSocketUrl}/ws/lobby/`)
    await once(client, 'open')
    client.send('x'.repeat(1001))
    expect(await closeCodeOf(client)).toBe(1009)
  })

  it('with 1008 sent more than maxMessagesPerSecond', async () => {
    const { webSocketUrl } = await serve(originValidator(rooms, ['*']), {
      maxMessagesPerSecond: 1,
      rateBurstSeconds: 1,
    })
    const client = open(`${webSocketUrl}/ws/lobby/`)
    await once(client, 'open')
    for (let i = 0; i < 10; i++) client.send('x')
    expect(await closeCodeOf(client)).toBe(1008)
  })

  it('with 1012 was on a server that stops', async () => {
    const server = await serve(originValidator(rooms, ['*']))
    const client = open(`${server.webSocketUrl}/ws/lobby/`)
    await once(client, 'open')
    const closed = closeCodeOf(client)
    await server.close()
    expect(await closed).toBe(1012)
  })
})

describe('messages', () => {
  async function heard(sender: LiveServer, receiver: LiveServer): Promise<boolean> {
    const [from, to] = [sender, receiver].map(({ webSocketUrl }) => open(`${webSocketUrl}/ws/lobby/`))
    await Promise.all([from, to].map((client) => once(client!, 'open')))
    let got = false
    to!.on('message', () => (got = true))
    from!.send('hello')
    // The sender gets its own message after all others.
    await once(from!, 'message')
    const pong = once(to!, 'pong')
    to!.ping()
    await pong
    return got
  }

  it('do not cross processes with a layer in memory, and do with one that both share', async () => {
    const websocket = originValidator(rooms, ['*'])
    expect(await heard(await serve(websocket), await serve(websocket))).toBe(false)
    const shared = new InMemoryChannelLayer()
    expect(await heard(await serve(websocket, {}, shared), await serve(websocket, {}, shared))).toBe(true)
  })

  it('without a handler are counted and named in the log, once', async () => {
    const layer = new InMemoryChannelLayer()
    const { webSocketUrl } = await serve(originValidator(rooms, ['*']), {}, layer)
    await once(open(`${webSocketUrl}/ws/lobby/`), 'open')
    await layer.groupSend('room', { type: 'chat.mesage' })
    await layer.groupSend('room', { type: 'chat.mesage' })
    await expect.poll(() => layer.stats().dropped.unhandled).toBe(2)
    expect(lines).toEqual(['RoomConsumer has no handler for messages of type "chat.mesage": add onChatMesage()'])
  })
})

describe('a user who is logged in and yet anonymous', () => {
  const names: string[] = []
  class WhoConsumer extends WebSocketConsumer {
    override async connect() {
      names.push(this.scope.user.username)
      await this.accept()
    }
  }
  const users = { findById: (id: string | number) => ({ id, username: 'anna', isAuthenticated: true as const }) }

  it('has a cookie that was signed with another secret, or none', async () => {
    const store = new MemorySessionStore()
    const app = (secret: string) =>
      originValidator(
        authMiddlewareStack(urlRouter([path('', WhoConsumer.asApplication())]), {
          sessions: storeSessions({ store, secret }),
          users,
        }),
        ['*'],
      )
    const { sign } = await import('cookie-signature')
    store.set('id-1', { cookie: {}, _auth_user_id: 7 })
    const cookie = `connect.sid=${encodeURIComponent(`s:${sign('id-1', 'right')}`)}`
    for (const [secret, headers] of [
      ['wrong', { Cookie: cookie }],
      ['right', {}],
      ['right', { Cookie: cookie }],
    ] as const) {
      const { webSocketUrl } = await serve(app(secret))
      expect(await statusOf(webSocketUrl, headers)).toBe(101)
    }
    expect(names).toEqual(['', '', 'anna'])
  })
})

it('a token offered as a subprotocol needs a server that accepts it', async () => {
  const { webSocketUrl } = await serve(originValidator(rooms, ['*']))
  const client = new WebSocket(`${webSocketUrl}/ws/lobby/`, ['bearer', 'token'])
  clients.push(client)
  const [error] = (await once(client, 'error')) as [Error]
  expect(error.message).toBe('Server sent no subprotocol')
  expect(page).toContain('"Server sent no subprotocol"')
})

describeWith(['nginx'], 'behind nginx', () => {
  let folder = ''
  let nginx: RunningProgram | undefined

  afterEach(async () => {
    await nginx?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  async function proxy(to: LiveServer, directives: string): Promise<string> {
    folder = await mkdtemp(join(tmpdir(), 'tideway-nginx-'))
    const port = await freePort()
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (kind) => `${kind}_temp_path ${folder}/${kind};`,
    )
    await writeFile(
      join(folder, 'nginx.conf'),
      `daemon off; pid ${folder}/pid; error_log stderr; events {}
       http { access_log off; ${temporary.join(' ')}
         server { listen 127.0.0.1:${port};
           location / { proxy_pass ${to.url}; ${directives} } } }`,
    )
    nginx = await startProgram(programPath('nginx'), ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr'], {
      ready: port,
    })
    return `ws://127.0.0.1:${port}/ws/lobby/`
  }

  const upgrade = 'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;'

  it('a handshake without the Upgrade header is a request for a page', async () => {
    const server = await serve(originValidator(rooms, ['*']))
    expect(await statusOf(await proxy(server, ''))).toBe(404)
  })

  it('is open with it', async () => {
    const server = await serve(originValidator(rooms, ['*']))
    expect(await statusOf(await proxy(server, upgrade))).toBe(101)
  })

  it('the Host that nginx writes makes the Origin a foreign one, unless it passes Host on', async () => {
    const server = await serve(allowedHostsOriginValidator(rooms))
    const url = await proxy(server, upgrade)
    const headers = { Origin: 'http://chat.example.com', Host: 'chat.example.com' }
    expect(await statusOf(url, headers)).toBe(403)
    await nginx!.stop()
    expect(await statusOf(await proxy(server, `${upgrade} proxy_set_header Host $http_host;`), headers)).toBe(101)
  })

  it('an idle connection ends with 1006 at the timeout of nginx, unless pings are more frequent', async () => {
    const server = await serve(originValidator(rooms, ['*']), { pingIntervalMs: 60_000 })
    const client = open(await proxy(server, `${upgrade} proxy_read_timeout 1s;`))
    await once(client, 'open')
    expect(await closeCodeOf(client)).toBe(1006)
  })

  it('502 is a server that is not there', async () => {
    const server = await serve(originValidator(rooms, ['*']))
    const url = await proxy(server, upgrade)
    await server.close()
    expect(await statusOf(url)).toBe(502)
  })
})
