import { TidewayError } from '../errors/tideway-error.ts'

/** Throws `ERR_BAD_ROUTE` if the value is not a function, or is a consumer class. */
export function requireApplication(application: unknown, where: string): void {
  if (typeof application !== 'function') {
    throw new TidewayError('ERR_BAD_ROUTE', `${where} needs an application, a function; it is ${kindOf(application)}.`)
  }
  if (application.name === 'asApplication') {
    throw new TidewayError(
      'ERR_BAD_ROUTE',
      `${where} needs an application; it is asApplication, which makes one. Call it: ChatConsumer.asApplication().`,
    )
  }
  if ('asApplication' in application) {
    throw new TidewayError(
      'ERR_BAD_ROUTE',
      `${where} needs an application; it is a consumer class. Write ${application.name}.asApplication().`,
    )
  }
  if (isClass(application)) {
    throw new TidewayError(
      'ERR_BAD_ROUTE',
      `${where} needs an application, a function; it is the class ${application.name}, which is no consumer.`,
    )
  }
}

function isClass(value: Function): boolean {
  return /^class\b/.test(Function.prototype.toString.call(value))
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : `of type ${typeof value}`
}
