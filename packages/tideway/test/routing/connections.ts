import type { Application } from '../../src/asgi/application.ts'
import { HeaderList } from '../../src/asgi/headers.ts'
import {
  asgiVersions,
  type ChannelScope,
  type HttpScope,
  type Scope,
  type WebSocketScope,
} from '../../src/asgi/scope.ts'
import type { Routed, UrlRoute } from '../../src/asgi/url-route.ts'
import type { RoutableScope } from '../../src/routing/required-scope.ts'

const common = {
  asgi: asgiVersions,
  httpVersion: '1.1',
  queryString: '',
  rootPath: '',
  headers: HeaderList.from([]),
  client: undefined,
  server: undefined,
}

/** The scope of a GET request for the path. */
export function httpScope(path: string, more: Partial<HttpScope> = {}): HttpScope {
  return { ...common, type: 'http', scheme: 'http', method: 'GET', path, rawPath: encodeURI(path), ...more }
}

/** The scope of a WebSocket connection to the path. */
export function webSocketScope(path: string, more: Partial<WebSocketScope> = {}): WebSocketScope {
  return { ...common, type: 'websocket', scheme: 'ws', subprotocols: [], path, rawPath: encodeURI(path), ...more }
}

/** The scope of a worker's consumer. */
export function channelScope(channel: string): ChannelScope {
  return { asgi: asgiVersions, type: 'channel', channel }
}

/** Calls the application as a server would whose client says nothing. */
export async function call<S extends Scope>(application: Application<S>, scope: S): Promise<void> {
  const receive = (): Promise<never> => new Promise(() => {})
  const send = (): void => {}
  await (application as Application)(scope, receive, send)
}

/** Applications that write their names, and the scopes they are called with, into one list. */
export class Calls {
  readonly #calls: { readonly name: string; readonly scope: Scope & Partial<Routed> & { pathRemaining?: string } }[] =
    []

  /** An application that is done at once. */
  app(name: string): Application {
    return (scope) => {
      this.#calls.push({ name, scope })
      return Promise.resolve()
    }
  }

  /** The names in the order of the calls. */
  get names(): string[] {
    return this.#calls.map(({ name }) => name)
  }

  /** The scope of the last call. */
  get lastScope(): Scope & Partial<Routed> & { readonly pathRemaining?: string } {
    return this.#calls.at(-1)!.scope
  }

  get lastUrlRoute(): UrlRoute | undefined {
    return this.lastScope.urlRoute
  }
}

/** Middleware that a router cannot see through: it adds nothing. */
export function hidden<S extends RoutableScope>(inner: Application<S>): Application<S> {
  return async (scope, receive, send) => {
    await Promise.resolve()
    await inner({ ...scope }, receive, send)
  }
}
