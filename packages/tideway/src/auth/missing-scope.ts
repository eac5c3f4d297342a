import { TidewayError } from '../errors/tideway-error.ts'

/** The error of something that was not placed inside the middleware that it needs. */
export function missingScopeError(who: string, what: string, remedy: string): TidewayError {
  return new TidewayError('ERR_MISSING_SCOPE', `${who} needs scope.${what}: ${remedy}.`)
}

/** The same as the result of an application. */
export function missingScope(who: string, what: string, remedy: string): Promise<never> {
  return Promise.reject(missingScopeError(who, what, remedy))
}
