import { TidewayError } from '../errors/tideway-error.ts'

/** The error of a middleware or function that was not placed inside the middleware that it needs. */
export function missingScopeError(caller: string, property: string, remedy: string): TidewayError {
  return new TidewayError('ERR_MISSING_SCOPE', `${caller} needs scope.${property}: ${remedy}.`)
}

/** The same error as the result of an application. */
export function missingScope(caller: string, property: string, remedy: string): Promise<never> {
  return Promise.reject(missingScopeError(caller, property, remedy))
}
