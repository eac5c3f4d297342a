// @if vanilla
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

// @end
interface PageFile {
  readonly url: URL
  readonly type: string
}

/** The files of the page, by their paths. */
export const files: ReadonlyMap<string, PageFile> = new Map([
  ['/', { url: new URL('../public/index.html', import.meta.url), type: 'text/html; charset=utf-8' }],
  ['/style.css', { url: new URL('../public/style.css', import.meta.url), type: 'text/css; charset=utf-8' }],
  // @if vanilla
  [
    '/tideway-client.js',
    {
      url: pathToFileURL(createRequire(import.meta.url).resolve('@tideway/client/browser')),
      type: 'text/javascript; charset=utf-8',
    },
  ],
  // @if bundle
  ['/page.js', { url: new URL('../dist/page.js', import.meta.url), type: 'text/javascript; charset=utf-8' }],
  // @end
])
