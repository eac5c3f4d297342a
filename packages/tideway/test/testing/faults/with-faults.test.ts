import { once } from 'node:events'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { withFaults, type FaultOptions, type Faults, type FaultServer } from 'tideway/testing'
import { describe, expect, it } from 'vitest'

const fixture = fileURLToPath(new URL('fixture.mjs', import.meta.url))
const server: FaultServer = { command: () => [process.execPath, fixture] }

/** Connects through the proxy, and resolves with the process id of the server. */
async function pidBehind({ proxy }: Faults): Promise<number> {
  const socket = connect(proxy.port, '127.0.0.1')
  const [line] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  return Number(String(line))
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

async function failureOf(options: FaultOptions, test: (faults: Faults) => unknown = () => {}): Promise<Error> {
  try {
    await withFaults(options, test)
  } catch (error) {
    return error as Error
  }
  throw new Error('The test with faults has passed.')
}

describe('withFaults', () => {
  it('kills, restarts and stops the server that it has started', async () => {
    const pids = await withFaults({ server, seed: 1 }, async (faults) => {
      const first = await pidBehind(faults)
      expect(faults.server!.pid).toBe(first)
      await faults.server!.kill()
      expect(isRunning(first)).toBe(false)
      expect(faults.server!.pid).toBeUndefined()
      await faults.server!.start()
      const second = await pidBehind(faults)
      await faults.server!.restart()
      return [first, second, await pidBehind(faults)]
    })
    expect(new Set(pids).size).toBe(3)
    expect(pids.filter(isRunning)).toEqual([])
  })

  it('causes every fault of its schedule, and leaves a server that works', async () => {
    const kinds = ['cut', 'reset', 'delay', 'stall', 'throttle', 'refuse', 'kill-server', 'pause-server'] as const
    for (const kind of kinds) {
      await withFaults({ server, kinds: [kind], count: 1, maxWaitMs: 5, maxHoldMs: 50 }, async (faults) => {
        const before = await pidBehind(faults)
        await faults.run()
        const after = await pidBehind(faults)
        expect([kind, after !== before]).toEqual([kind, kind === 'kill-server'])
      })
    }
  })

  it('makes the same schedule and the same random numbers from a seed', async () => {
    const planOf = (options: Partial<FaultOptions>): Promise<unknown> =>
      withFaults({ server: 1, ...options }, ({ schedule, random, seed }) => ({ seed, schedule, next: random() }))
    const first = await planOf({ seed: 7 })
    expect(first).toMatchObject({ seed: 7 })
    expect(await planOf({ seed: 7 })).toEqual(first)
    expect(await planOf({ seed: 8 })).not.toEqual(first)
    expect(await planOf({})).not.toEqual(await planOf({}))
  })

  it('reports the seed, the schedule and the cause if the test throws', async () => {
    const cause = new Error('The test has failed.')
    const options: FaultOptions = { server: 1, seed: 7, kinds: ['delay', 'cut'], count: 4, maxWaitMs: 9, maxHoldMs: 3 }
    const error = await failureOf(options, async (faults) => {
      await faults.run()
      throw cause
    })
    expect(error).toMatchObject({ code: 'ERR_TEST_FAULTS', cause })
    const [first, , ...faults] = error.message.split('\n')
    expect(first).toBe('The test failed with the seed 7: The test has failed.')
    expect(faults).toHaveLength(4)
    for (const line of faults) {
      expect(line).toMatch(/^done, after [0-9] ms: (cut|delay of \d+ ms) for [0-3] ms$/)
    }
  })

  it('shows which faults have not begun, and stops them at the end of the test', async () => {
    const pids: number[] = []
    const error = await failureOf({ server, kinds: ['kill-server'], count: 1, maxWaitMs: 1000 }, async (faults) => {
      pids.push(await pidBehind(faults))
      void faults.run()
      throw new Error('early')
    })
    expect(error.message).toMatch(/^not begun, after \d+ ms: kill-server for \d+ ms$/m)
    expect(pids.filter(isRunning)).toEqual([])
  })

  it('reports a program that is not installed or ends early, with its output', async () => {
    expect(await failureOf({ server: { command: () => ['no-such-program'] } })).toMatchObject({
      code: 'ERR_TEST_PROGRAM',
      message: expect.stringContaining('"no-such-program" must listen on port') as string,
    })
    const error = await failureOf({ server: { ...server, env: { FAIL: '1' } } })
    expect(error).toMatchObject({ code: 'ERR_TEST_PROGRAM' })
    expect(error.message).toMatch(/it has ended with the exit code 3\.\nThe fixture fails\.$/)
  })

  it('kills a program that does not listen in time', async () => {
    const command = [process.execPath, '-e', 'console.log(process.pid); setInterval(() => {}, 1000)']
    const error = await failureOf({ server: { command: () => command, startTimeoutMs: 2000 } })
    expect(error.message).toContain('it has not listened within 2000 ms')
    const pid = Number(error.message.split('\n')[1])
    expect(pid).toBeGreaterThan(0)
    expect(isRunning(pid)).toBe(false)
  })

  it.each<[string, FaultOptions]>([
    ['a seed of 2^32', { server: 1, seed: 2 ** 32 }],
    ['a negative count', { server: 1, count: -1 }],
    ['more than 10000 faults', { server: 1, count: 10_001 }],
    ['a negative wait', { server: 1, maxWaitMs: -1 }],
    ['a hold that is no whole number', { server: 1, maxHoldMs: 0.5 }],
    ['a start timeout of 0', { server: { ...server, startTimeoutMs: 0 } }],
    ['a server to kill that it has not started', { server: 1, kinds: ['kill-server'] }],
    ['a Redis to pause that it has not started', { server: 1, kinds: ['pause-redis'] }],
  ])('refuses %s', async (_name, options) => {
    expect(await failureOf(options)).toMatchObject({ code: 'ERR_BAD_OPTION' })
  })
})
