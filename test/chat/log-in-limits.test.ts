import { scryptSync } from 'node:crypto'

import { serve, type RunningServer } from 'tideway'
import { closeThreads } from 'tideway/worker'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import './temporary-database.ts'
import application from '../../examples/chat/src/application.ts'
import { database } from '../../examples/chat/src/database.ts'
import { accountOf, signUp } from '../../examples/chat/src/people/accounts.ts'
import { AttemptLimit, networkOf } from '../../examples/chat/src/people/attempt-limit.ts'
import { hashed, isOutdated, isPassword } from '../../examples/chat/src/people/passwords.ts'
import { BusyError, WorkQueue } from '../../examples/chat/src/people/work-queue.ts'

const PASSWORD = 'correct horse battery'

describe('40 simultaneous log-ins from one address under 40 names', () => {
  let server: RunningServer

  beforeAll(async () => {
    server = await serve(application, { port: 0 })
  })

  afterAll(async () => {
    await server.close()
    await closeThreads()
  })

  it('leave threads for static pages, and are refused above the limit of the address and of the queue', async () => {
    const statuses: number[] = []
    const logins = Array.from({ length: 40 }, async (_, i) => {
      const response = await fetch(`${server.url}/api/me/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name: `Name ${i}`, password: PASSWORD }),
      })
      statuses.push(response.status)
      expect(await response.json()).toEqual({ error: expect.stringMatching(/.+/) })
      expect(response.headers.get('retry-after')).toBe(response.status === 503 ? '1' : null)
    })
    // The refusals come first, so by then the others run or wait.
    await expect.poll(() => statuses.filter((status) => status === 429).length).toBe(10)
    expect((await fetch(`${server.url}/style.css`)).status).toBe(200)
    const answeredBeforePage = statuses.filter((status) => status === 422).length
    await Promise.all(logins)
    const count = (wanted: number): number => statuses.filter((status) => status === wanted).length
    expect([count(429), count(422) + count(503)]).toEqual([10, 30])
    // If log-ins had all threads, the page would come after the last of them.
    expect(answeredBeforePage).toBeLessThan(count(422))
  })
})

describe('WorkQueue', () => {
  it('runs two tasks at once, lets three wait in order, and rejects the rest', async () => {
    const queue = new WorkQueue({ maxRunning: 2, maxWaiting: 3 })
    const started: number[] = []
    const ends: ((isDone: boolean) => void)[] = []
    const results = Array.from({ length: 6 }, (_, i) =>
      queue.run(() => {
        started.push(i)
        return new Promise<number>((resolve, reject) => {
          ends[i] = (isDone) => (isDone ? resolve(i) : reject(new Error(`task ${i}`)))
        })
      }),
    )
    await expect(results[5]).rejects.toBeInstanceOf(BusyError)
    expect(started).toEqual([0, 1])
    ends[1]!(true)
    expect(await results[1]).toBe(1)
    await expect.poll(() => started).toEqual([0, 1, 2])
    // A task that fails gives its place to the next one too.
    ends[0]!(false)
    await expect(results[0]).rejects.toThrow('task 0')
    await expect.poll(() => started).toEqual([0, 1, 2, 3])
    ends[2]!(true)
    ends[3]!(true)
    await expect.poll(() => started).toEqual([0, 1, 2, 3, 4])
    ends[4]!(true)
    expect(await Promise.all(results.slice(2, 5))).toEqual([2, 3, 4])
    expect(await queue.run(async () => 'again')).toBe('again')
  })
})

describe('AttemptLimit', () => {
  it('counts each key separately, and resets after the window', async () => {
    const limit = new AttemptLimit({ attempts: 2, windowMs: 20 })
    expect(['a', 'a', 'b', 'a'].map((key) => limit.allows(key))).toEqual([true, true, true, false])
    await expect.poll(() => limit.allows('a')).toBe(true)
  })

  it('drops the oldest window above maxKeys', () => {
    const limit = new AttemptLimit({ attempts: 1, maxKeys: 2 })
    expect(['a', 'b', 'a', 'b', 'c', 'b', 'a'].map((key) => limit.allows(key))).toEqual([
      true,
      true,
      false,
      false,
      true,
      false,
      true,
    ])
  })
})

describe('the network of a client', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:0001:2::6', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    [undefined, ''],
  ])('is derived from %s: %s', (address, network) => {
    expect(networkOf(address)).toBe(network)
  })
})

describe('the hash of a password', () => {
  it('contains its cost, and not the password', async () => {
    const hash = await hashed(PASSWORD)
    expect(hash).toMatch(/^\$scrypt\$ln=15,r=8,p=3\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
    expect([isOutdated(hash), await isPassword(PASSWORD, hash)]).toEqual([false, true])
    expect(await isPassword('another password', hash)).toBe(false)
    expect(await isPassword(PASSWORD, undefined)).toBe(false)
  })

  it('is accepted once with a lower cost, and then replaced', async () => {
    await signUp('Old timer', PASSWORD)
    const key = scryptSync(PASSWORD, 'salt', 32, { N: 2 ** 4, r: 1, p: 1 })
    const old = `$scrypt$ln=4,r=1,p=1$${Buffer.from('salt').toString('base64')}$${key.toString('base64')}`
    database().prepare("UPDATE accounts SET password = ? WHERE name = 'Old timer'").run(old)
    const kept = (): string =>
      (database().prepare("SELECT password FROM accounts WHERE name = 'Old timer'").get() as { password: string })
        .password
    expect(await accountOf('Old timer', 'not the password')).toBeUndefined()
    expect(kept()).toBe(old)
    expect(await accountOf('old TIMER', PASSWORD)).toMatchObject({ name: 'Old timer' })
    expect(isOutdated(kept())).toBe(false)
    expect(await accountOf('Old timer', PASSWORD)).toMatchObject({ name: 'Old timer' })
  })
})
