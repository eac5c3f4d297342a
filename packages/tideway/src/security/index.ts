/**
 * Origin validation and rate limits.
 * @module tideway/security
 */

export { allowedHostsOriginValidator, type AllowedHostsOptions } from './allowed-hosts.ts'
export { originValidator } from './origin-validator.ts'
export { RateLimitError, rateLimit, type RateLimiter, type RateLimitOptions } from './rate-limit.ts'
