import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const pagesFolder = new URL('../pages/', import.meta.url)
const clientPackage = pathToFileURL(createRequire(import.meta.url).resolve('@tideway/client/package.json'))

/** Answers `/` with the front page, `/chat/ROOM/` with the page of a room, and `/client/…` with the modules of the client. */
export async function pages(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url)
  if (pathname === '/') return file(new URL('index.html', pagesFolder), 'text/html')
  if (/^\/chat\/\w+\/$/.test(pathname)) return file(new URL('room.html', pagesFolder), 'text/html')
  const [, module] = /^\/client\/([\w/-]+\.js)$/.exec(pathname) ?? []
  if (module !== undefined) return file(new URL(`dist/${module}`, clientPackage), 'text/javascript')
  return notFound()
}

async function file(url: URL, type: string): Promise<Response> {
  try {
    return new Response(await readFile(url), { headers: { 'Content-Type': `${type}; charset=utf-8` } })
  } catch {
    return notFound()
  }
}

function notFound(): Response {
  return new Response('There is no such page.\n', { status: 404 })
}
