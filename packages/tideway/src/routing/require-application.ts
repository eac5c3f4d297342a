import { TidewayError } from '../errors/tideway-error.ts'

/** Throws `ERR_BAD_ROUTE` if the value is not a function, or is a consumer class. */
export function requireApplication(application: unknown, where: string): void {
  if (typeof application !== 'function') {
    throw new TidewayError('ERR_BAD_ROUTE', `${where} needs an application, a function; it is ${kindOf(application)}.`)
  }
  if ('asApplication' in application) {
    throw new TidewayError(
      'ERR_BAD_ROUTE',
      `${where} needs an application; it is a consumer class. Write ${application.name}.asApplication().`,
    )
  }
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : `of type ${typeof value}`
}
