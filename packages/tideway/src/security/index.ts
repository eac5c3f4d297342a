export { allowedHostsOriginValidator, type AllowedHostsOptions } from './allowed-hosts.ts'
export { originValidator } from './origin-validator.ts'
