import { djangoSessions, signedCookieSessions, storeSessions, type SessionBackend } from 'tideway/auth'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { secret, request } from './session-requests.ts'

const makers: [string, (secret: unknown, options?: object) => SessionBackend][] = [
  ['storeSessions', (key, options) => storeSessions({ secret: key as string, ...options })],
  ['signedCookieSessions', (key, options) => signedCookieSessions({ secret: key as string, ...options })],
  ['djangoSessions', (key, options) => djangoSessions({ secretKey: key as string, ...options })],
]

describe.each(makers)('%s', (_name, sessionsOf) => {
  it.each([
    ['an empty text', ''],
    ['an empty list', []],
    ['a list with an empty text', [secret, '']],
  ])('rejects as its secret %s', (_what, key) => {
    expect(() => sessionsOf(key)).toThrow(expect.objectContaining({ code: 'ERR_BAD_OPTION' }))
  })

  it('sets and deletes its cookie with the attributes of the options', async () => {
    const sessions = sessionsOf(secret, { secure: true, sameSite: 'none', partitioned: true, priority: 'high' })
    const [set] = await request(sessions, (session) => session.set('a', 1))
    expect(set).toMatch(/; Secure; Partitioned; Priority=High; SameSite=None$/)
    const [deleted] = await request(sessions, (session) => session.flush(), set!.split(';')[0])
    expect(deleted).toMatch(/; Secure; Partitioned; /)
  })

  it('leaves out SameSite with sameSite: false', async () => {
    const [set] = await request(sessionsOf(secret, { sameSite: false }), (session) => session.set('a', 1))
    expect(set).not.toContain('SameSite')
  })
})

describe('a session secret', () => {
  it.each(makers.slice(1))(
    'that is undefined, as an environment variable is, is refused by %s',
    (_name, sessionsOf) => {
      expect(() => sessionsOf(undefined)).toThrow(expect.objectContaining({ code: 'ERR_BAD_OPTION' }))
    },
  )

  afterEach(() => vi.restoreAllMocks())

  it.each([
    [31, 1],
    [32, 0],
  ])('warns of a secret of %d bytes %d times in total', async (bytes, times) => {
    vi.resetModules()
    const { secretsOf } = await import('../../src/auth/session-cookie-options.ts')
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    for (let i = 0; i < 3; i++) secretsOf('x'.repeat(bytes))
    expect(warn).toHaveBeenCalledTimes(times)
  })
})
