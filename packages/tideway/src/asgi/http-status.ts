import { TidewayError } from '../errors/tideway-error.ts'

/**
 * The HTTP status that an error asks for when it ends a request or a handshake that has not been answered:
 * the `status` of a `TidewayError`, if it is one of 400 to 599. `undefined` for any other error: its `status` may be that of
 * a call to some other server, which is nobody else's business.
 */
export function httpStatusOf(error: unknown): number | undefined {
  if (!(error instanceof TidewayError)) return undefined
  const { status } = error as { readonly status?: unknown }
  if (typeof status !== 'number' || !Number.isInteger(status)) return undefined
  return status >= 400 && status <= 599 ? status : undefined
}
