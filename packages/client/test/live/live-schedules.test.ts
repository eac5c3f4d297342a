import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { LiveArena } from './live-arena.ts'
import { surviveLiveSchedule } from './live-suite.ts'

const schedules = 100
const atOnce = 20

describe.each([
  { name: 'WebSockets', kit: { WebSocket } },
  { name: 'streams', kit: { transports: ['stream'] as const } },
  { name: 'polls', kit: { transports: ['poll'] as const } },
])('A live client over $name', ({ kit }) => {
  it.each(Array.from({ length: schedules / atOnce }, (_, group) => group * atOnce))(
    'gets every event once and in order in the twenty fault schedules from seed %i',
    async (first) => {
      const seeds = Array.from({ length: atOnce }, (_, n) => first + n)
      const interruptions = await Promise.all(
        seeds.map(async (seed) => {
          const arena = await LiveArena.start()
          onTestFinished(() => arena.stop())
          return surviveLiveSchedule({ url: arena.url, ...kit, control: (command) => arena.control(command) }, seed)
        }),
      )
      // A schedule without a fault would prove nothing.
      expect(interruptions.filter((count) => count > 0).length).toBeGreaterThanOrEqual(10)
    },
  )
})
