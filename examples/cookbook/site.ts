import { build } from 'esbuild'
import { allowedHostsOriginValidator, defineApplication, fetchHandler, InMemoryChannelLayer } from 'tideway'
import { InvalidTokenError, path, tokenMiddleware, urlRouter } from 'tideway'
import type { Application, ChannelLayer, WebSocketScope, WithUser } from 'tideway'

/** The users of the recipes. The token of a user is its name: verify JWTs or read sessions in your application. */
export const users = ['ann', 'ben', 'cleo'].map((name) => ({
  id: name,
  username: name,
  isAuthenticated: true,
  company: name === 'cleo' ? 'globex' : 'acme',
}))
export type DemoUser = (typeof users)[number]

async function verify(token: string) {
  if (!users.some(({ id }) => id === token)) throw new InvalidTokenError()
  return { subject: token, expiresAt: undefined, claims: {} }
}

const script = `
  import { start } from './client.ts'
  const user = new URLSearchParams(location.search).get('user') ?? 'ann'
  window.client = start('/ws/', (line) => document.body.append(line, document.createElement('br')), user)`

/** A page that runs client.ts of the recipe, and keeps what `start` returns as `client` for the console. */
export async function page(folder: string): Promise<Response> {
  const stdin = { contents: script, resolveDir: folder }
  const { outputFiles } = await build({ stdin, bundle: true, format: 'esm', write: false })
  const html = `<!doctype html><title>Recipe</title><body><script type="module">${outputFiles[0]!.text}</script>`
  return new Response(html, { headers: { 'Content-Type': 'text/html; charset=utf-8' } })
}

/** An application with one consumer at /ws/ and the page of the recipe. */
export function recipe(
  folder: string,
  consumer: Application<WebSocketScope & WithUser<DemoUser>>,
  layer: ChannelLayer = new InMemoryChannelLayer(),
  http: (request: Request) => Promise<Response | undefined> = async () => undefined,
) {
  const findById = (id: string | number) => users.find((user) => user.id === id)
  const routes = urlRouter([path('ws/', consumer)])
  return defineApplication({
    channelLayers: { default: layer },
    http: fetchHandler(async (request) => (await http(request)) ?? page(folder)),
    websocket: allowedHostsOriginValidator(tokenMiddleware(routes, { verify, users: { findById } })),
  })
}
