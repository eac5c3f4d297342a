import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { codeBlocks, root } from './markdown.ts'
import { Reader } from './reader.ts'

const imports: Readonly<Record<string, string>> = {
  'chat/consumers.ts': '',
  'chat/routing.ts': `
import { rePath } from 'tideway'
import { ChatConsumer } from './consumers.ts'
`,
  'application.ts': `
import { RedisPubSubChannelLayer } from '@tideway/redis'
import express from 'express'
import {
  allowedHostsOriginValidator, authMiddlewareStack, channelNameRouter, defineApplication, InMemoryChannelLayer, nodeListener, urlRouter,
} from 'tideway'
import { websocketRoutes } from './chat/routing.ts'
import { sessions, users } from './members.ts'
import { ThumbnailConsumer } from './thumbnails.ts'
`,
}

// What the program takes from elsewhere.
const members = `
import { storeSessions, type UserStore } from 'tideway'
export const sessions = storeSessions()
export const users: UserStore = { findById: (id) => ({ id, username: String(id), isAuthenticated: true }) }
`
const thumbnails = `
import { Consumer } from 'tideway'
export class ThumbnailConsumer extends Consumer {
  onThumbnailMake() {}
}
`

/** The files of the program: each begins with a comment that is its name. */
async function programFiles(): Promise<(readonly [name: string, text: string])[]> {
  const [block] = await codeBlocks('test/docs/seed-program.md')
  const [, ...parts] = block!.text.split(/^\/\/ (\S+\.ts)\b.*$/m)
  return Object.keys(imports).map((name) => [name, parts[parts.indexOf(name) + 1]!] as const)
}

describe('The program of the seed', () => {
  let reader: Reader

  beforeAll(async () => {
    reader = await Reader.inEmptyFolder()
    await reader.install('tideway', '@tideway/redis', 'express', 'typescript', 'tsx', '@types/node', '@types/express')
    await reader.write('package.json', '{ "type": "module" }')
    // The reader's settings of the tutorial: strict.
    const tsconfig = await readFile(`${root}examples/tutorial/1-first-consumer/tsconfig.json`, 'utf8')
    await reader.write('tsconfig.json', tsconfig)
    await reader.write('members.ts', members)
    await reader.write('thumbnails.ts', thumbnails)
    for (const [name, text] of await programFiles()) await reader.write(name, imports[name] + text)
  })

  afterAll(() => reader.remove())

  it('compiles', async () => {
    await reader.checkTypes()
  })

  it('runs', async () => {
    const server = await reader.serve()
    const clients: WebSocket[] = []
    try {
      expect((await fetch(server.origin)).headers.get('x-powered-by')).toBe('Express')
      while (clients.length < 2) {
        const client = new WebSocket(`${server.webSocketOrigin}/ws/chat/lobby/`, { origin: server.origin })
        clients.push(client)
        await once(client, 'open')
      }
      const heard = Promise.all(clients.map(async (client) => String(((await once(client, 'message')) as [Buffer])[0])))
      clients[0]!.send('{"message": "hello"}')
      expect(await heard).toEqual(Array(2).fill('{"message":"hello","user":""}'))
    } finally {
      for (const client of clients) client.terminate()
      await server.stop()
    }
  })
})
