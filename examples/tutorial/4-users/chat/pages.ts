import { readFile } from 'node:fs/promises'

/** Answers `/` with the front page, and `/chat/ROOM/` with the page of a room. */
export async function pages(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url)
  if (pathname === '/') return page('index.html')
  if (/^\/chat\/\w+\/$/.test(pathname)) return page('room.html')
  return new Response('There is no such page.\n', { status: 404 })
}

async function page(name: string): Promise<Response> {
  const html = await readFile(new URL(`../pages/${name}`, import.meta.url), 'utf8')
  return new Response(html, { headers: { 'Content-Type': 'text/html; charset=utf-8' } })
}
