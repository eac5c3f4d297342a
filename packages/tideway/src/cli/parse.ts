import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { InvalidArgumentError } from 'commander'
import type { ListenTarget } from '../server/listen/listen-target.ts'

/** Parses the value of a flag. @throws InvalidArgumentError with the valid form */
export type Parse<T> = (text: string) => T

/** A TCP port. */
export const port: Parse<number> = (text) => {
  const value = Number(text)
  if (/^\d+$/.test(text) && value <= 65_535) return value
  throw new InvalidArgumentError('Must be a port number from 0 to 65535.')
}

/** A positive whole number. */
export const count: Parse<number> = (text) => {
  const value = Number(text)
  if (/^\d+$/.test(text) && value > 0 && Number.isSafeInteger(value)) return value
  throw new InvalidArgumentError('Must be a whole number over 0.')
}

/** A whole number in a range. */
export function parseNumber(least: number, most: number): Parse<number> {
  return (text) => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= least && value <= most) return value
    throw new InvalidArgumentError(`Must be a whole number from ${least} to ${most}.`)
  }
}

/** A number of workers, or `auto` for one per processor that this process may use. */
export const workerCount: Parse<number> = (text) => {
  const value = text === 'auto' ? availableParallelism() : Number(text)
  if (/^(\d+|auto)$/.test(text) && value >= 1 && value <= MOST_WORKERS) return value
  throw new InvalidArgumentError(`Must be a whole number from 1 to ${MOST_WORKERS}, or auto.`)
}

/** The most workers; more are a mistake, because each is a process. */
const MOST_WORKERS = 1024

/** A positive number. */
export const amount: Parse<number> = (text) => {
  if (/^(\d+|\d*\.\d+)$/.test(text) && Number(text) > 0) return Number(text)
  throw new InvalidArgumentError('Must be a number over 0.')
}

/** Seconds, as milliseconds. */
export const seconds: Parse<number> = (text) => {
  if (/^(\d+|\d*\.\d+)$/.test(text)) return Math.round(Number(text) * 1000)
  throw new InvalidArgumentError('Must be a number of seconds.')
}

/** Bytes: `65536`, `64k`, `1M`. */
export const bytes: Parse<number> = (text) => {
  const [, digits, unit = ''] = /^(\d+)([kM]?)$/.exec(text) ?? []
  const value = Number(digits) * { '': 1, k: 1024, M: 1024 * 1024 }[unit as '' | 'k' | 'M']
  if (digits !== undefined && value > 0 && Number.isSafeInteger(value)) return value
  throw new InvalidArgumentError('Must be a number of bytes over 0, such as 65536, 64k or 1M.')
}

/** Also accepts `off`, as `false`. */
export function orOff<T>(parse: Parse<T>): Parse<T | false> {
  return (text) => (text === 'off' ? false : parse(text))
}

/** A list with commas. */
export const list: Parse<readonly string[]> = (text) => {
  const items = text.split(',').map((item) => item.trim())
  if (items.every((item) => item !== '')) return items
  throw new InvalidArgumentError('Must be a comma-separated list without empty items.')
}

/** The permissions of a file, in octal. */
export const mode: Parse<number> = (text) => {
  if (/^0?[0-7]{3}$/.test(text)) return Number.parseInt(text, 8)
  throw new InvalidArgumentError('Must be three octal digits, such as 660.')
}

/** `0.0.0.0:8000`, `[::1]:8000`. */
export const tcpAddress: Parse<ListenTarget> = (text) => {
  const [, host, portText] = /^(\[[^\]]+\]|[^:]+):(\d+)$/.exec(text) ?? []
  if (host !== undefined) return { host, port: port(portText!) }
  throw new InvalidArgumentError('Must be an address with a port, such as 0.0.0.0:8000 or [::1]:8000.')
}

/** An inherited descriptor: 0 to 2 are the standard streams. */
export const descriptor: Parse<ListenTarget> = (text) => {
  if (/^\d{1,4}$/.test(text)) return { fd: Number(text) }
  throw new InvalidArgumentError('Must be the number of a descriptor.')
}

/** The first line of a file, for a secret: other users of the machine can read flags and variables. */
export const firstLineOf: Parse<string> = (path) => {
  try {
    return readFileSync(path, 'utf8').split('\n', 1)[0]!.trim()
  } catch (error) {
    throw new InvalidArgumentError(`Cannot read the file (${(error as NodeJS.ErrnoException).code}).`)
  }
}
