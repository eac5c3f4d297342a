import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** The page, and the headers that it is sent with. */
export interface InspectorPage {
  readonly html: string
  readonly headers: Readonly<Record<string, string>>
}

/** Reads the page. It has no data: its script gets them with the token. */
export function loadInspectorPage(): InspectorPage {
  const html = readFileSync(new URL('../../../pages/inspector.html', import.meta.url), 'utf8')
  const policy = [
    "default-src 'none'",
    `style-src ${hashesOf(html, 'style')}`,
    `script-src ${hashesOf(html, 'script')}`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
  return {
    html,
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': policy,
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Referrer-Policy': 'no-referrer',
      'X-Content-Type-Options': 'nosniff',
      'Cache-Control': 'no-store',
    },
  }
}

/** The hashes of the inline elements, so that the page runs no other script. */
function hashesOf(html: string, element: 'style' | 'script'): string {
  const contents = [...html.matchAll(new RegExp(`<${element}>([\\s\\S]*?)</${element}>`, 'g'))].map(([, text]) => text!)
  return contents.map((text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`).join(' ')
}
