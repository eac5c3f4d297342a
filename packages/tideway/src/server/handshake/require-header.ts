import { validateHeaderName, validateHeaderValue } from 'node:http'
import { TidewayError } from '../../errors/tideway-error.ts'

/** Node's own check, so that no value can end the header that it is in. @throws TidewayError `ERR_BAD_EVENT` */
export function requireHeader(name: string, value: string): void {
  // Its types are only those of TypeScript.
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
