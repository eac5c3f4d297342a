/**
 * Routers: select the application by protocol, path or channel name.
 * @module tideway/routing
 */

export { channelNameRouter } from './channel-name-router.ts'
export type { ConverterName } from './converters.ts'
export type { PathKwargs, RegExpKwargs } from './kwargs-of.ts'
export { protocolTypeRouter, type ProtocolApplications } from './protocol-type-router.ts'
export type { RoutableScope } from './required-scope.ts'
export { mount, path, rePath, type Route } from './route.ts'
export { urlRouter, type ScopeFor } from './url-router.ts'
