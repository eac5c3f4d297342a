import { TidewayError } from '../errors/tideway-error.ts'
import type { RunningServer } from '../server/serve.ts'

/** Reads key and certificate again, and says what became of it. What cannot be used leaves the server with what it has. */
export async function reloadTls(server: Pick<RunningServer, 'reloadTls'>): Promise<void> {
  try {
    await server.reloadTls()
    console.log('The certificate has been read again.')
  } catch (error) {
    const why = error instanceof TidewayError ? error.message : error
    console.error('tideway: the certificate was not read again, the one before stays:', why)
  }
}
