import Koa, { type Context } from 'koa'
import {
  allowedHostsOriginValidator,
  defineApplication,
  InMemoryChannelLayer,
  nodeListener,
  tokenMiddleware,
  urlRouter,
} from 'tideway'
import { Tickets } from 'tideway/auth'
import { page } from '../chat/page.ts'
import { isName, users } from '../chat/people.ts'
import { say, websocketRoutes } from '../chat/room.ts'

const layer = new InMemoryChannelLayer()
const tickets = new Tickets()

const app = new Koa()
app.keys = [process.env['COOKIE_KEY'] ?? 'for this machine only']

app.use(async (context) => {
  if (context.method === 'GET' && context.path === '/') {
    context.type = 'html'
    context.body = page
  } else if (context.method === 'POST' && context.path === '/login') {
    await login(context)
  } else if (context.method === 'POST' && context.path === '/ticket') {
    await giveTicket(context, personOf(context))
  } else if (context.method === 'POST') {
    await post(context)
  }
})

async function login(context: Context): Promise<void> {
  const { name } = context.query
  if (!isName(name)) context.throw(400, 'small letters only')
  context.cookies.set('person', name, { signed: true, sameSite: 'strict' })
  await giveTicket(context, name)
}

/** The ticket that the page puts in the URL of its WebSocket. It is valid once, for 30 seconds. */
async function giveTicket(context: Context, person: string): Promise<void> {
  context.body = { ticket: await tickets.issue(person) }
}

async function post(context: Context): Promise<void> {
  const [, room] = /^\/rooms\/(\w+)\/messages$/.exec(context.path) ?? []
  if (room === undefined) return
  await say(layer, room, personOf(context), String(context.query['text']))
  context.status = 202
}

function personOf(context: Context): string {
  const person = context.cookies.get('person', { signed: true })
  if (!isName(person)) context.throw(401)
  return person
}

export default defineApplication({
  channelLayers: { default: layer },
  http: nodeListener(app.callback()),
  websocket: allowedHostsOriginValidator(tokenMiddleware(urlRouter(websocketRoutes), { tickets, users })),
})
