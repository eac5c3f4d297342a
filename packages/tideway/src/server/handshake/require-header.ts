import { validateHeaderName, validateHeaderValue } from 'node:http'
import { TidewayError } from '../../errors/tideway-error.ts'

/** Checks a header with Node's own rules, so that no value can end its header line. @throws TidewayError `ERR_BAD_EVENT` */
export function requireHeader(name: string, value: string): void {
  // The caller may be JavaScript.
  const given: unknown = value
  if (typeof given !== 'string') {
    throw new TidewayError(
      'ERR_BAD_EVENT',
      `The header ${JSON.stringify(name)} needs a string as its value, not ${given === null ? 'null' : typeof given}.`,
    )
  }
  try {
    validateHeaderName(name)
    validateHeaderValue(name, value)
  } catch (cause) {
    throw new TidewayError('ERR_BAD_EVENT', `The header ${JSON.stringify(name)} is invalid.`, { cause })
  }
}
