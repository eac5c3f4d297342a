import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeWith } from '../setup/describe-with.ts'
import { Fleet, type Outcome } from './fleet.ts'

/** TIDEWAY_FAULT_ROUNDS repeats each fault, and TIDEWAY_FAULT_MS sets how long it goes on. */
const ROUNDS = Number(process.env['TIDEWAY_FAULT_ROUNDS'] ?? 1)
const FAULT_MS = Number(process.env['TIDEWAY_FAULT_MS'] ?? 1000)

/** Calls the fault again and again. */
async function repeatedly(everyMs: number, fault: () => Promise<unknown>): Promise<void> {
  const end = performance.now() + FAULT_MS
  while (performance.now() < end) {
    await fault()
    await delay(everyMs)
  }
}

describeWith(['redis'], 'clients that follow a kept group on three servers', () => {
  let fleet: Fleet
  beforeAll(async () => {
    // Every write is on the disk before it is answered.
    fleet = await Fleet.start('--appendonly', 'yes', '--appendfsync', 'always', '--enable-debug-command', 'yes')
  })
  afterAll(() => fleet.stop())

  const faults: Readonly<Record<string, () => Promise<unknown>>> = {
    'without a fault': () => delay(FAULT_MS),
    'while servers are killed': () => repeatedly(0, () => fleet.replace(Math.floor(Math.random() * 3))),
    'while Redis closes subscriber connections': () =>
      repeatedly(300, () => fleet.redis.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub')),
    'while Redis closes command connections': () =>
      repeatedly(300, () => fleet.redis.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')),
    'while Redis hangs': () => fleet.redis.client.call('DEBUG', 'SLEEP', FAULT_MS / 1000),
    'while Redis is stopped by a signal': () => stopped((signal) => fleet.redis.signal(signal)),
    'while a server is stopped by a signal': () => stopped((signal) => fleet.signal(0, signal)),
    'while Redis restarts with its data': async () => {
      await fleet.redis.crash()
      await delay(FAULT_MS / 4)
      await fleet.redis.run()
    },
  }

  async function stopped(send: (signal: NodeJS.Signals) => void): Promise<void> {
    send('SIGSTOP')
    await delay(FAULT_MS)
    send('SIGCONT')
  }

  describe.each(Object.entries(faults))('%s', (name, fault) => {
    it('get every event once and in order', { timeout: 120_000 * ROUNDS }, async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const outcome = await fleet.during(async () => void (await fault()))
        report(name, outcome)
        expect(outcome).toMatchObject({ lost: 0, told: 0 })
        expect(outcome.deliveries).toBeGreaterThan(outcome.published)
      }
    })
  })

  it('are told of their loss if Redis loses its data, and get every later event', async () => {
    const outcome = await fleet.during(async () => {
      await delay(300)
      await fleet.redis.client.call('FLUSHALL')
    })
    report('Redis loses its data', outcome)
    expect(outcome.lost).toBe(0)
    expect(outcome.told).toBeGreaterThan(0)
  })
})

function report(name: string, outcome: Outcome): void {
  process.stdout.write(`kept group ${name}: ${JSON.stringify(outcome)}\n`)
}
