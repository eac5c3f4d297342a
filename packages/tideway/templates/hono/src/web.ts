import { Hono } from 'hono'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'

const page = new URL('../public/index.html', import.meta.url)
const client = createRequire(import.meta.url).resolve('@tideway/client/browser')

/** The HTTP side: the page, and the client that it loads. Your routes go here. */
export const web = new Hono()

web.get('/', async (context) => context.html(await readFile(page, 'utf8')))

web.get('/tideway-client.js', async (context) =>
  context.body(await readFile(client, 'utf8'), 200, { 'Content-Type': 'text/javascript' }),
)
