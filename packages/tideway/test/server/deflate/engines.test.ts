import { createHook } from 'node:async_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { echo } from '../applications.ts'
import { clientFrame } from '../frames.ts'
import type { RawClient } from '../raw-client.ts'
import { eventually, serving } from '../serving.ts'
import { openOffering } from './client.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** zlib's engines that have been made and not been freed. The clients of this test have none. */
function countEngines(): { live: () => number; made: () => number; stop: () => void } {
  const live = new Set<number>()
  let made = 0
  const hook = createHook({
    init(id, type) {
      if (type !== 'ZLIB') return
      live.add(id)
      made++
    },
    destroy(id) {
      live.delete(id)
    },
  }).enable()
  return { live: () => live.size, made: () => made, stop: () => hook.disable() }
}

it.each([
  ['reset their context', true],
  ['keep their context', false],
])('the server keeps no zlib engine for open connections that %s', async (_what, noTakeover) => {
  const compression = { serverNoContextTakeover: noTakeover, clientNoContextTakeover: noTakeover }
  const server = await serving({ websocket: echo }, { compression: { ...compression, threadBytes: 4096 } })
  const engines = countEngines()
  try {
    const clients: RawClient[] = []
    for (let i = 0; i < 20; i++) {
      const { client } = await openOffering(server.port, 'permessage-deflate')
      clients.push(client)
      // Of their own: what is equal is compressed once for several.
      for (const size of [10, 2000, 10_000]) client.write(clientFrame('text', `${i} `.repeat(size).slice(0, size)))
    }
    await eventually(() => engines.made()).toBe(clients.length * 2)
    await eventually(() => {
      collectGarbage()
      return engines.live()
    }).toBe(0)
    expect(server.connectionCount).toBe(clients.length)
    for (const { socket } of clients) socket.destroy()
  } finally {
    engines.stop()
  }
})
