import { once } from 'node:events'
import { connect } from 'node:tls'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeWith } from '../../../../test/setup/describe-with.ts'
import { CertificateFolder } from '../server/tls/certificates.ts'
import { Command, fixture } from './command.ts'

const hello = fixture('serve/application.ts')

/** The CN of the certificate that a server shows now. */
async function nameShown(url: string, ca: readonly string[]): Promise<string> {
  const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', servername: 'localhost', ca: [...ca] })
  try {
    await once(socket, 'secureConnect')
    return String(socket.getPeerCertificate().subject.CN)
  } finally {
    socket.destroy()
  }
}

describeWith(['openssl'], 'tideway serve --tls-key --tls-cert', () => {
  let folder: CertificateFolder
  beforeAll(() => {
    folder = new CertificateFolder()
  })
  afterAll(() => folder.remove())

  it('serves over TLS, reads the files again at SIGHUP, and keeps a valid certificate', async () => {
    const first = folder.pair({ name: 'first' })
    const second = folder.pair({ name: 'second' })
    const authorities = [first.cert, second.cert]
    const key = folder.file('key.pem', first.key)
    const cert = folder.file('cert.pem', first.cert)
    const command = new Command(['serve', hello, '--port', '0', '--tls-key', key, '--tls-cert', cert])
    const url = await command.url()
    expect(url).toMatch(/^https:/)
    expect(await nameShown(url, authorities)).toBe('first')

    folder.file('cert.pem', second.cert)
    command.process.kill('SIGHUP')
    await command.says(/the previous one stays in use: tlsKey is not the key of the certificate in tlsCert/)
    expect(await nameShown(url, authorities)).toBe('first')

    folder.file('key.pem', second.key)
    command.process.kill('SIGHUP')
    await command.says(/The certificate has been read again\./)
    expect(await nameShown(url, authorities)).toBe('second')

    command.process.kill('SIGTERM')
    expect(await command.exitCode()).toBe(0)
  })

  it('prints the problem of the files, and exits with 1', async () => {
    const { keyFile } = folder.pair()
    const command = new Command(['serve', hello, '--port', '0', '--tls-key', keyFile])
    expect(await command.exitCode()).toBe(1)
    expect(command.output).toContain('tideway: tlsCert is missing')
  })
})
