import type { IncomingMessage, ServerResponse } from 'node:http'
import { hostname } from 'node:os'
import type { Logger } from '../../asgi/logger.ts'
import { equalInConstantTime } from '../../errors/constant-time.ts'
import { TidewayError } from '../../errors/tideway-error.ts'
import type { ServerStats } from '../observe/server-stats.ts'
import { GroupTaps } from './group-tap.ts'
import { InspectedConnections } from './inspected-connections.ts'
import { describeGroup, findGroup, listGroups, type InspectedLayers } from './inspected-layers.ts'
import { InspectedProcesses } from './inspected-processes.ts'
import { SHORTEST_TOKEN } from './inspector-options.ts'
import { loadInspectorPage, type InspectorPage } from './inspector-page.ts'
import { connectionQueryOf, disconnectOf, InspectorError, pageOf } from './inspector-request.ts'

/** The server of an inspector. */
export interface InspectedServer {
  stats(): ServerStats
}

const PAGE = '/inspector'
const API = '/inspector/api/'

/** The inspector of one process: a page, and the JSON calls of its script. All calls need the token. */
export class Inspector {
  readonly connections: InspectedConnections
  readonly #token: string
  readonly #logger: Logger
  readonly #secretNames: readonly string[]
  readonly #layers: InspectedLayers
  readonly #page: InspectorPage
  readonly #taps: GroupTaps
  #processes: InspectedProcesses | undefined
  #server: InspectedServer | undefined

  /**
   * @param application its channel layers, if it exposes them, have the groups
   * @throws TidewayError `ERR_BAD_OPTION` for a short token
   */
  constructor(token: string, application: object, secretNames: readonly string[], logger: Logger) {
    if (typeof token !== 'string' || token.length < SHORTEST_TOKEN) {
      const message = `inspectorToken must have at least ${SHORTEST_TOKEN} characters, for example those of: openssl rand -hex 24`
      throw new TidewayError('ERR_BAD_OPTION', message)
    }
    this.#token = token
    this.#logger = logger
    this.#secretNames = secretNames
    this.#layers = (application as { readonly channelLayers?: InspectedLayers }).channelLayers ?? {}
    this.#page = loadInspectorPage()
    this.#taps = new GroupTaps(secretNames)
    this.connections = new InspectedConnections(secretNames)
  }

  /** Called when the server accepts connections. */
  ready(server: InspectedServer): void {
    this.#server = server
    this.#processes = new InspectedProcesses(this.#layers, () => {
      const { uptimeMs, eventLoopDelay } = server.stats()
      return { uptimeMs, connections: this.connections.size, eventLoopDelayMs: eventLoopDelay.p99Ms }
    })
    this.#processes.start()
  }

  /** Answers a request. Returns `false` for a path of another part of the server. */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    const { pathname, searchParams } = new URL(request.url!, 'http://inspector')
    if (pathname !== PAGE && !pathname.startsWith(API)) return false
    this.#answer(request, response, pathname, searchParams).catch((error: unknown) => {
      if (response.headersSent) response.destroy()
      else this.#refuse(response, error)
    })
    return true
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    pathname: string,
    query: URLSearchParams,
  ): Promise<void> {
    const call = `${request.method} ${pathname.startsWith(API) ? pathname.slice(API.length) : ''}`
    if (call === 'POST disconnect') {
      this.#requireToken(request)
      this.#disconnect(await disconnectOf(request), response)
      return
    }
    request.resume()
    if (call === 'GET ' && pathname === PAGE) {
      response.writeHead(200, this.#page.headers).end(this.#page.html)
      return
    }
    this.#requireToken(request)
    switch (call) {
      case 'GET process':
        return respondJson(response, 200, this.#process())
      case 'GET processes':
        return respondJson(response, 200, (await this.#processes?.list()) ?? { rows: [], missing: 0 })
      case 'GET connections':
        return respondJson(response, 200, this.connections.list(connectionQueryOf(query)))
      case 'GET groups':
        return respondJson(response, 200, listGroups(this.#layers, pageOf(query)))
      case 'GET group':
        return respondJson(response, 200, await describeGroup(this.#group(query), this.#secretNames))
      case 'GET tap':
        if (this.#taps.isFull) throw new InspectorError(429, 'Too many groups are tapped: close another tap.')
        return this.#taps.stream(this.#group(query), response)
      default:
        throw new InspectorError(404, 'The inspector has no such call.')
    }
  }

  #requireToken({ headers }: IncomingMessage): void {
    const [scheme, token = ''] = (headers.authorization ?? '').split(' ', 2)
    if (scheme?.toLowerCase() === 'bearer' && equalInConstantTime(token, this.#token)) return
    throw new InspectorError(401, 'The token is missing or wrong.')
  }

  #disconnect({ target, code, reason }: Awaited<ReturnType<typeof disconnectOf>>, response: ServerResponse): void {
    const disconnected = this.connections.disconnect(target, code, reason)
    this.#logger.info({ ...target, code, disconnected }, 'The inspector disconnected clients')
    respondJson(response, 200, { disconnected })
  }

  #group(query: URLSearchParams): NonNullable<ReturnType<typeof findGroup>> {
    const found = findGroup(this.#layers, query.get('layer') ?? '', query.get('group') ?? '')
    if (found !== undefined) return found
    throw new InspectorError(404, 'This process does not follow the group.')
  }

  #process(): object {
    const { rss, heapUsed, heapTotal } = process.memoryUsage()
    const { user, system } = process.cpuUsage()
    return {
      pid: process.pid,
      host: hostname(),
      node: process.version,
      memory: { rss, heapUsed, heapTotal },
      cpuMs: (user + system) / 1000,
      stats: this.#server?.stats(),
    }
  }

  #refuse(response: ServerResponse, error: unknown): void {
    if (error instanceof InspectorError) {
      // The rest of a long body is not read.
      if (error.status === 413) response.setHeader('Connection', 'close')
      if (error.status === 401) response.setHeader('WWW-Authenticate', 'Bearer')
      respondJson(response, error.status, { error: error.message })
    } else if (error instanceof TidewayError) respondJson(response, 503, { error: error.message })
    else {
      this.#logger.error({ err: error }, 'The inspector failed')
      respondJson(response, 500, { error: 'The inspector failed: see the log of the server.' })
    }
  }
}

function respondJson(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  })
  response.end(JSON.stringify(value))
}
