import { readFileSync } from 'node:fs'

import type { Request, Response } from 'express'

/** The dictionary is a module of the page, so that the server and the browser have the same texts. */
const { textIn } = (await import(new URL('../public/words.js', import.meta.url).href)) as {
  readonly textIn: (text: string, language: string) => string
}

/** Returns the language that the visitor has chosen, or the one that the browser prefers. */
export function languageOf(request: Request): string {
  const chosen = /(?:^|; )language=(en|ko)(?:;|$)/.exec(request.headers.cookie ?? '')?.[1]
  return chosen ?? (request.acceptsLanguages('en', 'ko') || 'en')
}

/** Sends a file of `pages/` in the language of the visitor: each `[[text]]` is translated. */
export function sendPage(request: Request, response: Response, file: string): void {
  const language = languageOf(request)
  const page = readFileSync(new URL(`../pages/${file}`, import.meta.url), 'utf8')
  response.set({ 'Content-Language': language, Vary: 'Accept-Language, Cookie' })
  response.type('html').send(page.replaceAll(/\[\[(.+?)\]\]/g, (_mark, text: string) => textIn(text, language)))
}
