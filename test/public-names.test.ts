import { describe, expect, it } from 'vitest'

import { read } from './architecture/source-files.ts'

/** The names of the root of `tideway`, by the part that holds them. A name that is not needed on the first day stays in its subpath. */
const ROOT = {
  application: ['defineApplication', 'lifespanHooks', 'ApplicationDefinition', 'DefinedApplication', 'LifespanHooks'],
  asgi: ['closeCodes', 'Application', 'Authenticated', 'HttpScope', 'User', 'WebSocketScope'],
  auth: [
    'authMiddlewareStack',
    'InvalidTokenError',
    'jwtVerifier',
    'storeSessions',
    'tokenMiddleware',
    'UserStore',
    'WithSession',
    'WithUser',
  ],
  consumer: [
    'Consumer',
    'HttpConsumer',
    'JsonWebSocketConsumer',
    'StopConsumer',
    'WebSocketConsumer',
    'AcceptOptions',
    'DenyOptions',
    'Handlers',
    'StaticHandlers',
    'TextOrBytes',
    'WebSocketConsumerScope',
  ],
  errors: ['errorCodes', 'TidewayError', 'ErrorCode'],
  layer: ['ChannelFullError', 'groupName', 'InMemoryChannelLayer', 'MessageTooLargeError', 'ChannelLayer', 'Message'],
  routing: ['channelNameRouter', 'mount', 'path', 'protocolTypeRouter', 'rePath', 'urlRouter'],
  security: ['allowedHostsOriginValidator', 'originValidator', 'rateLimit', 'RateLimitError'],
  server: ['attach', 'fetchHandler', 'nodeListener', 'serve', 'Attachment', 'RunningServer', 'ServeOptions'],
}

/** The names that an index exports, by the folder that they come from. */
function exportsOf(index: string): Record<string, string[]> {
  const lists = read(index).matchAll(/export (?:type )?\{([^}]*)\} from '\.\/([a-z]+)\/index\.ts'/g)
  return Object.fromEntries([...lists].map(([, names, folder]) => [folder, namesIn(names!)]))
}

function namesIn(list: string): string[] {
  const names = list.split(',').map((name) => name.trim().replace(/^type /, ''))
  return names.filter((name) => name !== '')
}

describe('the root of tideway', () => {
  it('exports exactly these names', () => {
    expect(exportsOf('packages/tideway/src/index.ts')).toEqual(ROOT)
  })
})
