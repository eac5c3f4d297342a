import { validateHeaderName, validateHeaderValue } from 'node:http'
import { TidewayError } from '../../errors/tideway-error.ts'

/** Node's own check, so that no value can end the header that it is in. @throws TidewayError `ERR_BAD_EVENT` */
export function requireHeader(name: string, value: string): void {
  try {
    validateHeaderName(name)
    validateHeaderValue(name, value)
  } catch (cause) {
    throw new TidewayError('ERR_BAD_EVENT', `The header ${JSON.stringify(name)} is invalid.`, { cause })
  }
}
