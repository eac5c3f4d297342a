import { RedisScript } from '../../connection/redis-script.ts'

/**
 * Removes a process from all its groups, and deletes its keys.
 *
 * KEYS[1]: the processes
 * KEYS[2]: the groups of this process
 * KEYS[3 …]: the queues of this process
 * ARGV[1]: the process
 * ARGV[2]: the prefix of the key of a group
 */
export const unregister: RedisScript = new RedisScript(`
local noted = redis.call('HGETALL', KEYS[2])
for i = 1, #noted, 2 do redis.call('ZREM', ARGV[2] .. noted[i], noted[i + 1]) end
redis.call('ZREM', KEYS[1], ARGV[1])
for i = 2, #KEYS do redis.call('DEL', KEYS[i]) end
`)
