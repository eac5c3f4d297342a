import { createWriteStream } from 'node:fs'
import type { Writable } from 'node:stream'
import { TidewayError } from '../errors/tideway-error.ts'
import type { AccessLog } from '../server/access-log/access-entry.ts'
import { commonLogLine, jsonLogLine } from '../server/access-log/log-line.ts'

/** How the lines of an access log look. */
export type AccessLogFormat = 'common' | 'json'

/** So many bytes may wait for the disk. Lines above it are lost: the server must not end for its log. */
const MOST_WAITING_BYTES = 16 * 1024 * 1024

/**
 * Appends the lines of an access log to a file; `-` is standard output.
 * @throws TidewayError `ERR_BAD_OPTION` when the file cannot be written
 */
export async function accessLogTo(file: string, format: AccessLogFormat): Promise<AccessLog> {
  const stream = file === '-' ? process.stdout : await append(file)
  const lineOf = format === 'json' ? jsonLogLine : commonLogLine
  return (entry) => {
    if (stream.writableLength < MOST_WAITING_BYTES) stream.write(`${lineOf(entry)}\n`)
  }
}

function append(file: string): Promise<Writable> {
  return new Promise((resolve, reject) => {
    const stream = createWriteStream(file, { flags: 'a' })
    stream.once('error', (cause) => {
      reject(new TidewayError('ERR_BAD_OPTION', `The access log cannot be written: ${cause.message}.`, { cause }))
    })
    stream.once('ready', () => {
      // A disk that is full later is said once; the server goes on.
      stream.once('error', (error) => console.error(`tideway: the access log has ended: ${error.message}`))
      resolve(stream)
    })
  })
}
