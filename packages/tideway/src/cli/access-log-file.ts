import { createWriteStream } from 'node:fs'
import type { Writable } from 'node:stream'
import { TidewayError } from '../errors/tideway-error.ts'
import type { AccessLog } from '../server/observe/access-log/access-entry.ts'
import { commonLogLine, jsonLogLine } from '../server/observe/access-log/log-line.ts'

/** How the lines of an access log look. */
export type AccessLogFormat = 'common' | 'json'

/** So many bytes may wait for the disk. Lines above it are lost: the server must not end for its log. */
const MOST_WAITING_BYTES = 16 * 1024 * 1024

/** Appends the lines of an access log to a file, or to standard output. */
export class AccessLogFile {
  readonly #file: string
  #stream: Writable
  readonly write: AccessLog

  private constructor(file: string, stream: Writable, format: AccessLogFormat) {
    this.#file = file
    this.#stream = stream
    const lineOf = format === 'json' ? jsonLogLine : commonLogLine
    this.write = (entry) => {
      const to = this.#stream
      if (to.writableLength < MOST_WAITING_BYTES) to.write(`${lineOf(entry)}\n`)
    }
  }

  /**
   * @param file `-` is standard output
   * @throws TidewayError `ERR_BAD_OPTION` when the file cannot be written
   */
  static async open(file: string, format: AccessLogFormat): Promise<AccessLogFile> {
    return new AccessLogFile(file, file === '-' ? process.stdout : await append(file), format)
  }

  /**
   * Goes on in the file that has the name now: the one before was moved away. When it cannot be opened, it is said, and the
   * old one is written to as before.
   */
  async reopen(): Promise<void> {
    if (this.#file === '-') return
    try {
      const next = await append(this.#file)
      this.#stream.end()
      this.#stream = next
    } catch (error) {
      console.error(`tideway: ${(error as Error).message} It goes on where it was.`)
    }
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
