import express from 'express'
import { createRequire } from 'node:module'
import { basename, dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

const publicFolder = fileURLToPath(new URL('../public', import.meta.url))
const client = createRequire(import.meta.url).resolve('@tideway/client/browser')

/** The HTTP side: the page, and the client that it loads. Your routes go here. */
export const web = express()

web.disable('x-powered-by')
web.use(express.static(publicFolder))

web.get('/tideway-client.js', (_request, response) => {
  response.sendFile(basename(client), { root: dirname(client) })
})
