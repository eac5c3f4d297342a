import { once } from 'node:events'
import { chromium, type Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'
import { RedisServer } from '../../packages/redis/test/redis-server.ts'
import { read } from '../architecture/source-files.ts'
import { describeWith, programPath } from '../setup/describe-with.ts'
import { Reader, type ReadersServer } from './reader.ts'

// Much is started here, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const servers: ReadersServer[] = []
const clients: WebSocket[] = []

async function serve(reader: Reader, env?: Readonly<Record<string, string>>): Promise<ReadersServer> {
  const server = await reader.serve(env)
  servers.push(server)
  return server
}

/** A page in a room, as the server sees it. */
async function enter({ origin, webSocketOrigin }: ReadersServer, room: string): Promise<WebSocket> {
  const client = new WebSocket(`${webSocketOrigin}/ws/chat/${room}/`, { origin })
  clients.push(client)
  await once(client, 'open')
  return client
}

async function hear(client: WebSocket): Promise<unknown> {
  const [data] = (await once(client, 'message')) as [Buffer]
  return JSON.parse(data.toString()) as unknown
}

function say(client: WebSocket, message: string): void {
  client.send(JSON.stringify({ message }))
}

/** Collects the messages that the client receives from now on. */
function heardBy(client: WebSocket): string[] {
  const heard: string[] = []
  client.on('message', (data: Buffer) => heard.push((JSON.parse(data.toString()) as { message: string }).message))
  return heard
}

let reader: Reader

beforeAll(async () => {
  reader = await Reader.inEmptyFolder()
})

afterEach(async () => {
  for (const client of clients.splice(0)) client.terminate()
  await Promise.all(servers.splice(0).map((server) => server.stop()))
})

afterAll(() => reader.remove())

// In this order, because each part continues in the folder of the previous one.
describe('The tutorial', () => {
  it('serves two pages and echoes messages to their sender after part 1', async () => {
    await reader.read('docs/tutorial/1-first-consumer.md')
    expect(reader.serverCommands.splice(0)).toEqual(['npx tideway serve application.ts'])
    const server = await serve(reader)

    expect(await (await fetch(server.origin)).text()).toContain('<input name="room"')
    expect(await (await fetch(`${server.origin}/chat/lobby/`)).text()).toContain('<input name="message"')
    expect((await fetch(`${server.origin}/chat/`)).status).toBe(404)

    const [anna, jun] = [await enter(server, 'lobby'), await enter(server, 'lobby')]
    const heard = heardBy(jun)
    say(anna, 'hello')
    expect(await hear(anna)).toEqual({ message: 'hello', user: '' })
    say(jun, 'is this room empty?')
    await hear(jun)
    expect(heard).toEqual(['is this room empty?'])
  })

  it('causes the described compile errors in part 1', async () => {
    const trial = await reader.copy()
    await trial.change('chat/routing.ts', ':roomName', ':room')
    await expect(trial.checkTypes()).rejects.toThrow('error TS')
    await trial.change('chat/routing.ts', ':room', ':roomName')
    await trial.change(
      'application.ts',
      'authMiddlewareStack(urlRouter(websocketRoutes))',
      'urlRouter(websocketRoutes)',
    )
    await expect(trial.checkTypes()).rejects.toThrow("required in type 'UserOfAuthMiddlewareStack'")
    await trial.remove()
  })

  it('broadcasts messages within a room, and to no other room, after part 2', async () => {
    await reader.read('docs/tutorial/2-groups.md')
    expect(reader.serverCommands.splice(0)).toEqual([
      'npx tideway serve application.ts',
      'REDIS_URL=redis://localhost:6379 npx tideway serve application.ts --port 8001',
      'REDIS_URL=redis://localhost:6379 npx tideway serve application.ts --port 8002',
    ])
    const server = await serve(reader)
    const [anna, jun, kim] = [
      await enter(server, 'lobby'),
      await enter(server, 'lobby'),
      await enter(server, 'kitchen'),
    ]
    const heard = heardBy(kim)
    const both = Promise.all([hear(anna), hear(jun)])
    say(anna, 'hello')
    expect(await both).toEqual([
      { message: 'hello', user: '' },
      { message: 'hello', user: '' },
    ])
    say(kim, 'tea?')
    await hear(kim)
    expect(heard).toEqual(['tea?'])
  })

  it('causes the described compile errors in part 2', async () => {
    const trial = await reader.copy()
    await trial.change('chat/consumers.ts', 'event.message', 'event.text')
    await trial.change('chat/consumers.ts', 'onChatMessage(', 'onMessage(')
    const errors = await trial.checkTypes().catch((error: Error) => error.message)
    expect(errors).toContain("Property 'text' does not exist")
    expect(errors).toContain("Property 'onChatMessage' is missing")
    await trial.remove()
  })

  describeWith(['redis'], 'with Redis', () => {
    it('connects the rooms of two servers', async () => {
      const redis = await RedisServer.start()
      try {
        const env = { REDIS_URL: redis.url }
        const [one, two] = [await serve(reader, env), await serve(reader, env)]
        const [anna, jun] = [await enter(one, 'lobby'), await enter(two, 'lobby')]
        const both = Promise.all([hear(anna), hear(jun)])
        say(anna, 'hello')
        expect(await both).toEqual([
          { message: 'hello', user: '' },
          { message: 'hello', user: '' },
        ])
      } finally {
        await Promise.all(servers.splice(0).map((server) => server.stop()))
        await redis.stop()
      }
    })
  })

  it('has passing tests after part 3', async () => {
    await reader.read('docs/tutorial/3-tests.md')
    expect(reader.testOutput).toMatch(/^# pass 4$/m)
  })

  it('causes the described test failure in part 3', async () => {
    const trial = await reader.copy()
    await trial.change(
      'chat/consumers.ts',
      'this.#room = `chat_${this.scope.urlRoute.kwargs.roomName}`',
      "this.#room = 'chat'",
    )
    await trial.checkTypes()
    const failed = await trial.test().catch((error: Error) => error.message)
    expect(failed).toMatch(/^ok 1 - a message reaches every client in the room/m)
    expect(failed).toMatch(/^not ok 2 - a message does not reach other rooms/m)
    const [, message] = /^```text\n(Expected nothing .*)\n```$/m.exec(read('docs/tutorial/3-tests.md'))!
    expect(failed).toContain(message)
    await trial.remove()
  })

  describeWith(['headlessChromium'], 'with two tabs', () => {
    let browser: Browser

    beforeAll(async () => {
      const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update']
      browser = await chromium.launch({ executablePath: programPath('headlessChromium'), args })
    })

    afterAll(() => browser.close())

    it('delivers messages from one to the other', async () => {
      const server = await serve(reader)
      const problems: unknown[] = []
      const tabs = await Promise.all([1, 2].map(() => browser.newPage()))
      for (const tab of tabs) {
        tab.on('pageerror', (error) => problems.push(error))
        await tab.goto(server.origin)
        await tab.getByLabel('Room').fill('lobby')
        await tab.getByRole('button', { name: 'Enter' }).click()
        await tab.waitForURL('**/chat/lobby/')
      }
      // A received message shows that the connection of the tab is open.
      for (const [i, tab] of tabs.entries()) {
        await tab.waitForFunction(() => document.readyState === 'complete')
        await expect
          .poll(async () => {
            await tab.getByLabel('Message').fill(`hello from ${i}`)
            await tab.keyboard.press('Enter')
            return tab.getByText(`guest: hello from ${i}`).count()
          })
          .toBeGreaterThan(0)
      }
      await tabs[0]!.getByText('guest: hello from 1').first().waitFor()
      await server.stop()
      for (const tab of tabs) await tab.getByText('The connection is closed.').waitFor()
      expect(problems).toEqual([])
    })
  })
})
