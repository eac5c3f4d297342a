import { describe, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { Arena } from './arena.ts'
import { surviveSchedule } from './core-suite.ts'

const schedules = 200
const atOnce = 10

describe('A request with retry', () => {
  it.each(Array.from({ length: schedules / atOnce }, (_, group) => group * atOnce))(
    'is handled once and in order in the ten fault schedules from seed %i',
    async (first) => {
      const seeds = Array.from({ length: atOnce }, (_, n) => first + n)
      await Promise.all(
        seeds.map(async (seed) => {
          const arena = await Arena.start()
          onTestFinished(() => arena.stop())
          await surviveSchedule({ url: arena.url, WebSocket, control: (command) => arena.control(command) }, seed)
        }),
      )
    },
  )
})
