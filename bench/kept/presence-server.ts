import { setTimeout as delay } from 'node:timers/promises'

import { RedisPubSubChannelLayer } from '@tideway/redis'
import { defineApplication, originValidator, serve } from 'tideway'
import { defineGroup, LiveConsumer } from 'tideway/live'
import { z } from 'zod'

// The server of the bench `kept joins`. Its parent tells it what to do.

const crowd = defineGroup('crowd', { events: {}, presence: z.object({ name: z.string() }) })

/** A client with a `person` in its query is one, and another one only watches. */
class CrowdConsumer extends LiveConsumer<{}, {}> {
  static override groups = { crowd }

  override authorize(): boolean {
    return true
  }

  override present() {
    const key = new URLSearchParams(this.scope.queryString).get('person')
    return key === null ? undefined : { key, name: `Name of ${key}` }
  }
}

/** What the parent asks for: `enter` people; as many changes of people `change` over a time; only the `usage`. */
export interface PresenceTask {
  readonly do: 'enter' | 'change' | 'usage'
  readonly prefix?: string
  readonly count?: number
  readonly overMs?: number
}

const layer = new RedisPubSubChannelLayer({ hosts: [process.env['REDIS_URL']!] })
const room = crowd('lobby')
const presence = layer.keptGroups.presence!
const websocket = originValidator(CrowdConsumer.asApplication(), ['*'])
const logger = { debug() {}, info() {}, warn() {}, error: console.error }
const server = await serve(defineApplication({ channelLayers: { default: layer }, websocket }), { port: 0, logger })

const enter = (key: string) => presence.enter(room.name, { key, meta: { name: `Name of ${key}` } })

async function run({ do: what, prefix = '', count = 0, overMs = 0 }: PresenceTask): Promise<void> {
  if (what === 'enter') await Promise.all(Array.from({ length: count }, (_, index) => enter(`${prefix}${index}`)))
  if (what !== 'change') return
  for (let change = 0; change < count; change += 2) {
    const member = await enter(`${prefix}${change}`)
    await delay(overMs / count)
    member.leave({ isFinal: true })
    await delay(overMs / count)
  }
}

process.on('message', (task: PresenceTask) => {
  void run(task).then(() => {
    const { user, system } = process.cpuUsage()
    process.send!({ cpuMicroseconds: user + system })
  })
})
process.send!({ port: server.port })
