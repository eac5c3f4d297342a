import express from 'express'
import session from 'express-session'
import {
  allowedHostsOriginValidator,
  authMiddlewareStack,
  defineApplication,
  InMemoryChannelLayer,
  nodeListener,
  storeSessions,
  urlRouter,
} from 'tideway'
import { page } from '../chat/page.ts'
import { identity, isName, users } from '../chat/people.ts'
import { say, websocketRoutes } from '../chat/room.ts'

declare module 'express-session' {
  interface SessionData {
    person: string
  }
}

const secret = process.env['SESSION_SECRET'] ?? 'for this machine only'
const store = new session.MemoryStore()
const layer = new InMemoryChannelLayer()

const app = express()
app.use(session({ secret, store, resave: false, saveUninitialized: false }))

app.get('/', (_request, response) => {
  response.type('html').send(page)
})

app.post('/login', (request, response, next) => {
  const { name } = request.query
  if (!isName(name)) {
    response.status(400).json({ error: 'small letters only' })
    return
  }
  // A new session: an attacker may have planted the old one (session fixation).
  request.session.regenerate((error) => {
    if (error) {
      next(error)
      return
    }
    request.session.person = name
    response.json({})
  })
})

app.post('/rooms/:room/messages', async (request, response) => {
  const { person } = request.session
  const { text } = request.query
  if (person !== undefined && typeof text === 'string') await say(layer, request.params.room, person, text)
  response.status(person === undefined ? 401 : 202).end()
})

export default defineApplication({
  channelLayers: { default: layer },
  http: nodeListener(app),
  websocket: allowedHostsOriginValidator(
    authMiddlewareStack(urlRouter(websocketRoutes), { sessions: storeSessions({ store, secret }), users, identity }),
  ),
})
