import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express'
import type { Revocations } from 'tideway/auth'

import { sendPage } from './language.ts'
import { peopleRoutes } from './people/routes.ts'
import { BusyError } from './people/work-queue.ts'
import { picture } from './report/threads.ts'
import { roomName } from './room/names.ts'
import { openRooms } from './room/open-rooms.ts'

const publicFolder = fileURLToPath(new URL('../public', import.meta.url))
const clientFolder = join(dirname(createRequire(import.meta.url).resolve('@tideway/client/package.json')), 'dist')
const ROOM_PATH = /^\/rooms\/(?<room>[^/]+)$/
const ROOM_PATH_AND_SLASH = /^\/rooms\/(?<room>[^/]+)\/+$/
const REPORT_PATH = /^\/rooms\/(?<room>[^/]+)\/report\.svg$/

/** The HTTP side of the chat: its pages, the list of open rooms, and the routes of the visitor's account. */
export function web(revocations: Revocations): Express {
  const app = express()
  app.disable('x-powered-by')
  app.set('trust proxy', trustProxy(process.env.TRUST_PROXY))
  app.use(securityHeaders)
  // No `max-age`: a browser revalidates each time, and gets a 304 if the file is unchanged.
  app.use(express.static(publicFolder))
  // The modules of the client as `tsc` builds them; browsers load them directly.
  app.use('/client', express.static(clientFolder, { index: false }))

  app.get('/', (request, response) => sendPage(request, response, 'index.html'))

  app.get(ROOM_PATH, (request, response, next) => {
    if (roomName(request.params['room']) === undefined) next()
    else sendPage(request, response, 'room.html')
  })

  app.get(ROOM_PATH_AND_SLASH, (request, response, next) => {
    const room = roomName(request.params['room'])
    if (room === undefined) next()
    else response.redirect(301, `/rooms/${encodeURIComponent(room)}`)
  })

  app.get(REPORT_PATH, async (request, response, next) => {
    const room = roomName(request.params['room'])
    const svg = room && (await picture(room, Number(request.query['at']) || 0))
    if (svg === undefined) return next()
    // If the image is opened as a page of its own, this policy allows no scripts and no requests.
    response.set({
      'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox",
      'Cache-Control': 'private, max-age=86400, immutable',
    })
    response.type('svg').send(svg)
  })

  app.get('/api/rooms', async (request, response) => {
    // A room without people is listed only for a visitor that names it.
    const recent = [request.query['recent']].flat()
    response.json({ rooms: (await openRooms()).filter(({ name, people }) => people > 0 || recent.includes(name)) })
  })

  app.use(peopleRoutes(revocations))

  app.use((request, response) => {
    const page = /^\/rooms\/[^/]*\/?$/.test(request.path) ? 'bad-room.html' : 'not-found.html'
    sendPage(request, response.status(404), page)
  })
  app.use(clientErrors)
  return app
}

/**
 * Behind a proxy that terminates TLS, Express has to trust its headers. Otherwise cookies are not Secure and all clients have
 * the proxy's address. The value is the number of proxies or their addresses, as in Express.
 */
function trustProxy(value = ''): string | number | boolean {
  if (value === '') return false
  return /^\d+$/.test(value) ? Number(value) : value
}

/** Answers a malformed request, and one beyond the queue, without a log line. */
const clientErrors: ErrorRequestHandler = (error: { status?: number; message: string }, _request, response, next) => {
  if (error instanceof BusyError) response.status(503).set('Retry-After', '1').json({ error: error.message })
  else if (error.status === undefined || error.status >= 500 || response.headersSent) next(error)
  else response.status(error.status).json({ error: error.message })
}

const securityHeaders: RequestHandler = (_request, response, next) => {
  response.set({
    // In some browsers 'self' does not include WebSockets of the same host.
    'Content-Security-Policy':
      "default-src 'self'; connect-src 'self' ws: wss:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'same-origin',
  })
  next()
}
