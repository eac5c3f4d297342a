import { Redis, type RedisOptions } from 'ioredis'

import { UnusableRedisError } from './unavailable.ts'

/**
 * A client of ioredis that does not write to the console. ioredis does so in answer to AUTH, where Redis needs no password or
 * knows no user names.
 * @param unneededPassword is called when a password was given and Redis needs none
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
      throw new UnusableRedisError('knows no user names, which came with Redis 6: give the password alone')
    }
  }
  return Object.assign(client, { auth: quietAuth })
}
