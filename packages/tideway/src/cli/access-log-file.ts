import { createWriteStream } from 'node:fs'
import type { Writable } from 'node:stream'
import { TidewayError } from '../errors/tideway-error.ts'
import type { AccessLog } from '../server/observe/access-log/access-entry.ts'
import { commonLogLine, jsonLogLine } from '../server/observe/access-log/log-line.ts'
import { backoffMs } from '../errors/backoff.ts'

/** The format of the lines of an access log. */
export type AccessLogFormat = 'common' | 'json'

/** The most bytes that wait for the disk. Lines above it are dropped: the log must not end the server. */
const MOST_WAITING_BYTES = 16 * 1024 * 1024

/** The waits between two attempts to open a file after a failed write. */
const retryBackoff: { readonly firstMs: number; readonly mostMs: number } = Object.freeze({
  firstMs: 1000,
  mostMs: 60_000,
})

/** Appends the lines of an access log to a file, or to standard output. */
export class AccessLogFile {
  readonly #file: string
  readonly #backoff: typeof retryBackoff
  /** `undefined` while the file is not open after a failure. */
  #stream: Writable | undefined
  /** Failures in a row. */
  #failures = 0
  #timer: NodeJS.Timeout | undefined
  readonly write: AccessLog

  private constructor(file: string, format: AccessLogFormat, backoff: typeof retryBackoff) {
    this.#file = file
    this.#backoff = backoff
    const lineOf = format === 'json' ? jsonLogLine : commonLogLine
    const onWritten = (error?: Error | null): void => {
      if (!error) this.#recover()
    }
    this.write = (entry) => {
      const to = this.#stream
      if (to === undefined || to.writableLength >= MOST_WAITING_BYTES) return
      if (this.#failures === 0) to.write(`${lineOf(entry)}\n`)
      else to.write(`${lineOf(entry)}\n`, onWritten)
    }
  }

  /**
   * Opens the file.
   * @param file `-` is standard output
   * @param backoff the waits between two attempts to open the file after a failed write
   * @throws TidewayError `ERR_BAD_OPTION` if the file cannot be opened
   */
  static async open(
    file: string,
    format: AccessLogFormat,
    backoff: typeof retryBackoff = retryBackoff,
  ): Promise<AccessLogFile> {
    const log = new AccessLogFile(file, format, backoff)
    log.#stream = file === '-' ? process.stdout : await log.#append()
    return log
  }

  /** Opens the file of this name again, after the old one was moved. If that fails, it prints why and keeps the old one. */
  async reopen(): Promise<void> {
    if (this.#file === '-') return
    try {
      const next = await this.#append()
      clearTimeout(this.#timer)
      this.#stream?.end()
      this.#stream = next
    } catch (error) {
      console.error(`tideway: ${(error as Error).message} The log continues in the open file.`)
    }
  }

  #append(): Promise<Writable> {
    return new Promise((resolve, reject) => {
      const stream = createWriteStream(this.#file, { flags: 'a' })
      stream.once('error', (cause) => {
        reject(new TidewayError('ERR_BAD_OPTION', `The access log cannot be written: ${cause.message}.`, { cause }))
      })
      stream.once('ready', () => {
        stream.on('error', (error) => {
          if (stream === this.#stream) this.#fail(error)
        })
        resolve(stream)
      })
    })
  }

  /** Handles a failed write, such as on a full disk. The server continues without the log, and retries. */
  #fail({ message }: Error): void {
    this.#stream = undefined
    if (this.#failures++ === 0) {
      console.error(`tideway: The access log cannot be written: ${message}. Lines are dropped until it can be written.`)
    }
    this.#timer = setTimeout(() => void this.#retry(), backoffMs(this.#failures, this.#backoff)).unref()
  }

  async #retry(): Promise<void> {
    try {
      const next = await this.#append()
      if (this.#stream === undefined) this.#stream = next
      else next.end()
    } catch (error) {
      if (this.#stream === undefined) this.#fail(error as Error)
    }
  }

  /** Called after a written line: a file can be opened even on a full disk, so only a written line proves that the log works. */
  #recover(): void {
    if (this.#failures === 0) return
    console.error('tideway: The access log is written again, without the dropped lines.')
    this.#failures = 0
  }
}
