import { TidewayError } from '../errors/tideway-error.ts'
import type { RunningServer } from '../server/serve.ts'

/** Reads key and certificate again at SIGHUP, and says what became of it. What cannot be used leaves the server with what it has. */
export function reloadTlsOnHangUp(server: Pick<RunningServer, 'reloadTls'>): void {
  process.on('SIGHUP', () => {
    server.reloadTls().then(
      () => console.log('The certificate has been read again.'),
      (error: unknown) => {
        const why = error instanceof TidewayError ? error.message : error
        console.error('tideway: the certificate was not read again, the one before stays:', why)
      },
    )
  })
}
