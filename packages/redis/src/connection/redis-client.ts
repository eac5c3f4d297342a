import { Redis, type RedisOptions } from 'ioredis'

import { UnusableRedisError } from './redis-errors.ts'

/**
 * Creates a client of ioredis that does not write to the console. ioredis logs there if Redis needs no password or does not
 * support user names.
 * @param unneededPassword is called if the options have a password and Redis needs none
 */
export function makeClient(options: RedisOptions, unneededPassword: () => void): Redis {
  const client = new Redis({ ...options, replyMapping: 'legacy' })
  const auth = client.auth.bind(client) as (...credentials: unknown[]) => Promise<'OK'>
  const quietAuth = async (...credentials: unknown[]): Promise<'OK'> => {
    try {
      return await auth(...credentials)
    } catch (error) {
      const message = error instanceof Error ? error.message : ''
      if (/no password is set|without any password configured/.test(message)) {
        unneededPassword()
        return 'OK'
      }
      if (!message.includes("wrong number of arguments for 'auth'")) throw error
      throw new UnusableRedisError('does not support user names, which Redis 6 introduced: give only the password')
    }
  }
  return Object.assign(client, { auth: quietAuth })
}
