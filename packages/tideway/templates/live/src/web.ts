import express from 'express'
import { fileURLToPath } from 'node:url'

/** The HTTP side: the page, and its program, which esbuild makes of page.ts. Your routes go here. */
export const web = express()

web.get('/page.js', (_request, response) => {
  response.sendFile(fileURLToPath(new URL('../dist/page.js', import.meta.url)))
})

web.use(express.static(fileURLToPath(new URL('../public', import.meta.url))))
