import { createWriteStream } from 'node:fs'
import type { ServeOptions } from 'tideway'
import { commonLogLine } from 'tideway/server'

/**
 * What the environment says of the server: `PORT` or the first argument, `SERVE_OPTIONS` with options of `serve()` as JSON,
 * and `ACCESS_LOG` with the file that an access log is written to.
 */
export function serveOptions(): ServeOptions {
  const port = Number(process.argv[2] ?? process.env['PORT'] ?? 8000)
  const options = JSON.parse(process.env['SERVE_OPTIONS'] ?? '{}') as ServeOptions
  const file = process.env['ACCESS_LOG']
  if (file === undefined) return { port, ...options }
  const log = createWriteStream(file, { flags: 'a' })
  return { port, ...options, accessLog: (entry) => void log.write(`${commonLogLine(entry)}\n`) }
}
