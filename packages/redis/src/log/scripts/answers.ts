import { RedisScript } from '../../connection/redis-script.ts'

/**
 * Claims a request for an owner, extends the claim of this owner, or returns the answer.
 *
 * KEYS[1]: the request, a string: `c` and the owner of the claim, or `a` and the answer
 * ARGV[1]: the owner
 * ARGV[2]: the time to live of the claim, in milliseconds
 * Returns {'claimed'}, {'taken'} if another owner has the claim, or {'answered', answer}.
 */
export const claim: RedisScript = new RedisScript(`
local stored = redis.call('GET', KEYS[1])
if stored and string.sub(stored, 1, 1) == 'a' then return {'answered', string.sub(stored, 2)} end
if stored and stored ~= 'c' .. ARGV[1] then return {'taken'} end
redis.call('SET', KEYS[1], 'c' .. ARGV[1], 'PX', ARGV[2])
return {'claimed'}
`)

/**
 * Stores the answer to a request in place of its claim.
 *
 * KEYS[1]: the request, as in {@link claim}
 * ARGV[1]: the answer
 * ARGV[2]: the time to live of the answer, in milliseconds
 * Returns 'OK'.
 */
export const answer: RedisScript = new RedisScript(`
return redis.call('SET', KEYS[1], 'a' .. ARGV[1], 'PX', ARGV[2])
`)
