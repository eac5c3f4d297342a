import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import express, { type Express } from 'express'

const publicFolder = fileURLToPath(new URL('../public', import.meta.url))
const clientFolder = join(dirname(createRequire(import.meta.url).resolve('@tideway/client/package.json')), 'dist')

/** The page, and the modules of the client as `tsc` builds them: the browser loads both without a bundler. */
export function web(): Express {
  const app = express()
  app.disable('x-powered-by')
  app.use(express.static(publicFolder))
  app.use('/client', express.static(clientFolder, { index: false }))
  return app
}
