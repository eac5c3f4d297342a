import { traitsOf } from '../../asgi/application-traits.ts'
import type { StandardSchema } from '../../errors/standard-schema.ts'
import type { EventSchemas } from '../../live/event-schemas.ts'
import type { GroupFamily, StateGroupFamily } from '../../live/define-group.ts'
import type { PresenceSchema } from '../../live/present.ts'
import { LiveRequest } from '../../live/request.ts'
import type { Pattern } from '../../routing/pattern.ts'
import { routesOf } from '../../routing/route.ts'

/** A declaration of groups. */
export type Family = GroupFamily<EventSchemas, PresenceSchema> | StateGroupFamily<StandardSchema>

/** A live consumer of an application. */
export interface LiveEndpoint {
  /** The name of its class. */
  readonly name: string
  /** The paths of its routes; `undefined` for a route that is a regular expression. */
  readonly paths: readonly (string | undefined)[]
  readonly groups: readonly Family[]
  /** The requests by name; `undefined` if an instance cannot be made without a connection. */
  readonly requests: ReadonlyMap<string, LiveRequest<unknown, unknown>> | undefined
}

interface LiveClass {
  readonly name: string
  readonly groups: Readonly<Record<string, Family>>
}

/**
 * Finds the live consumers of an application, in the order of its routes. Does not find those behind middleware that does not use
 * `wrapApplication`.
 */
export function liveEndpoints(application: object): LiveEndpoint[] {
  const found = new Map<object, { paths: (string | undefined)[]; create: () => object }>()
  const visit = (visited: object, path: string | undefined): void => {
    const { inner = [], liveConsumer } = traitsOf(visited)
    if (liveConsumer !== undefined) {
      const { paths } = found.get(liveConsumer.type) ?? { paths: [] }
      found.set(liveConsumer.type, { paths: [...paths, path], create: liveConsumer.create })
    }
    for (const each of inner) visit(each, path)
    for (const { pattern, application: target } of routesOf(visited) ?? []) {
      visit(target, path === undefined ? undefined : joined(path, pattern))
    }
  }
  visit(application, '/')
  return [...found].map(([type, { paths, create }]) => {
    const { name, groups } = type as LiveClass
    return { name, paths, groups: Object.values(groups), requests: requestsOf(create) }
  })
}

/** The path with its parameters in braces. */
function joined(path: string, pattern: Pattern): string | undefined {
  if (pattern.kind === 'regexp') return undefined
  const segments = pattern.segments.map((parts) =>
    parts.map((part) => (typeof part === 'string' ? part : `{${part.name}}`)).join(''),
  )
  return path + segments.join('/')
}

function requestsOf(create: () => object): ReadonlyMap<string, LiveRequest<unknown, unknown>> | undefined {
  let consumer: object
  try {
    consumer = create()
  } catch {
    // Its constructor needs the connection.
    return undefined
  }
  const requests = new Map<string, LiveRequest<unknown, unknown>>()
  for (const [name, value] of Object.entries(consumer)) if (value instanceof LiveRequest) requests.set(name, value)
  return requests
}
