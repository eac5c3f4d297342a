import { TidewayError } from '../errors/tideway-error.ts'
import type { RunningServer } from '../server/serve.ts'

/** Reads key and certificate again, and prints the result. If they are invalid, the server keeps the previous ones. */
export async function reloadTls(server: Pick<RunningServer, 'reloadTls'>): Promise<void> {
  try {
    await server.reloadTls()
    console.log('The certificate has been read again.')
  } catch (error) {
    const why = error instanceof TidewayError ? error.message : error
    console.error('tideway: the certificate was not reloaded, the previous one stays in use:', why)
  }
}
