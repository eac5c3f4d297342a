import type { Application, ReceiveEventOf, SendEventOf } from '../../src/asgi/application.ts'
import { HeaderList, type HeadersInit } from '../../src/asgi/headers.ts'
import { asgiVersions, type HttpScope, type WebSocketScope } from '../../src/asgi/scope.ts'

const common = {
  asgi: asgiVersions,
  httpVersion: '1.1',
  path: '/',
  rawPath: '/',
  queryString: '',
  rootPath: '',
  client: { host: '127.0.0.1', port: 50000 },
  server: { host: '127.0.0.1', port: 8000 },
}

/** A WebSocket scope as a server makes it. */
export function webSocketScope(headers: HeadersInit = {}, more: Partial<WebSocketScope> = {}): WebSocketScope {
  return { ...common, type: 'websocket', scheme: 'ws', subprotocols: [], headers: HeaderList.from(headers), ...more }
}

/** An HTTP scope as a server makes it. */
export function httpScope(headers: HeadersInit = {}, more: Partial<HttpScope> = {}): HttpScope {
  return { ...common, type: 'http', scheme: 'http', method: 'GET', headers: HeaderList.from(headers), ...more }
}

type Sent<S extends HttpScope | WebSocketScope> = SendEventOf<S>

/** Runs an application with these events to receive, and returns the events that it sent. After them `receive()` never resolves. */
export async function run<S extends HttpScope | WebSocketScope>(
  application: Application<S>,
  scope: S,
  events: readonly ReceiveEventOf<S>[] = [],
): Promise<Sent<S>[]> {
  const sent: Sent<S>[] = []
  const waiting = [...events]
  const receive = (): ReceiveEventOf<S> | Promise<ReceiveEventOf<S>> => waiting.shift() ?? new Promise(() => {})
  const send = (event: Sent<S>): void => {
    sent.push(event)
  }
  await application(scope, receive, send)
  return sent
}

/** The values of the `Set-Cookie` headers of an event. */
export function setCookiesOf(event: { readonly headers?: HeadersInit | undefined } | object | undefined): string[] {
  const headers = event !== undefined && 'headers' in event ? (event.headers as HeadersInit) : []
  return HeaderList.from(headers).getAll('set-cookie')
}

/** The `Cookie` header that a browser would send after these `Set-Cookie` headers. */
export function cookieHeader(setCookies: readonly string[]): string {
  return setCookies.map((cookie) => cookie.slice(0, cookie.indexOf(';'))).join('; ')
}
