import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeWith, programPath } from '../../../../../test/setup/describe-with.ts'
import { echo } from '../applications.ts'
import { serving, startServer, type ServerUnderTest } from '../serving.ts'
import { suiteCertificates } from './certificates.ts'

/** What `openssl s_client` says. */
interface Session {
  readonly output: string
  /** `undefined`: there was no handshake. */
  readonly suite: string | undefined
}

describeWith(['openssl'], 'the cipher suites of a server', () => {
  const certificates = suiteCertificates()
  let server: ServerUnderTest
  let rsa: { readonly tlsKey: string; readonly tlsCert: string }

  beforeAll(async () => {
    const folder = dirname(certificates.pair.keyFile)
    rsa = { tlsKey: join(folder, 'rsa.key'), tlsCert: join(folder, 'rsa.cert') }
    const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=localhost']
    execFileSync(programPath('openssl'), [...request, '-keyout', rsa.tlsKey, '-out', rsa.tlsCert], { stdio: 'ignore' })
    server = await startServer({ websocket: echo }, rsa)
  })
  afterAll(() => server.close(1))

  /** Connects, sends the lines, and ends with the input: `R` alone renegotiates. */
  async function connect(args: readonly string[], input = 'Q\n', { port } = server): Promise<Session> {
    const client = spawn(programPath('openssl'), ['s_client', '-connect', `127.0.0.1:${port}`, ...args])
    let output = ''
    for (const stream of [client.stdout, client.stderr]) stream.on('data', (text) => (output += String(text)))
    client.stdin.on('error', () => {}).end(input)
    await once(client, 'close')
    const [, suite] = /^New, .*Cipher is (?!\(NONE\))(\S+)/m.exec(output) ?? []
    return { output, suite }
  }

  it.each([
    ['ECDHE-RSA-AES128-GCM-SHA256', ['-tls1_2']],
    ['ECDHE-RSA-AES256-GCM-SHA384', ['-tls1_2']],
    ['ECDHE-RSA-CHACHA20-POLY1305', ['-tls1_2']],
  ])('have %s', async (name, args) => {
    expect((await connect([...args, '-cipher', name])).suite).toBe(name)
  })

  it.each(['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'])(
    'have %s of TLS 1.3',
    async (name) => {
      expect((await connect(['-tls1_3', '-ciphersuites', name])).suite).toBe(name)
    },
  )

  it.each([
    ['no key exchange without forward secrecy', 'AES256-GCM-SHA384'],
    ['no CBC', 'ECDHE-RSA-AES128-SHA'],
    ['no CBC with SHA-2', 'ECDHE-RSA-AES256-SHA384'],
    ['no finite-field Diffie-Hellman', 'DHE-RSA-AES128-GCM-SHA256'],
    ['no NULL', 'NULL-SHA256'],
    ['no anonymous suite', 'ADH-AES128-SHA256'],
  ])('have %s: %s', async (_what, name) => {
    const { suite, output } = await connect(['-tls1_2', '-cipher', `${name}:@SECLEVEL=0`])
    expect(suite).toBeUndefined()
    expect(output).toMatch(/handshake failure/)
  })

  it('reject a renegotiation by a client of TLS 1.2', async () => {
    const { suite, output } = await connect(['-tls1_2'], 'R\n')
    expect(suite).toMatch(/^ECDHE-/)
    expect(output).toMatch(/RENEGOTIATING/)
    expect(output).toMatch(/no renegotiation/)
  })

  it('are those of tlsCiphers, also after the certificate is read again', async () => {
    const other = await serving({ websocket: echo }, { ...rsa, tlsCiphers: 'AES256-GCM-SHA384' })
    expect((await connect(['-tls1_2'], 'Q\n', other)).suite).toBe('AES256-GCM-SHA384')
    await other.reloadTls()
    expect((await connect(['-tls1_2'], 'Q\n', other)).suite).toBe('AES256-GCM-SHA384')
  })

  it('reject the start if OpenSSL does not support them', async () => {
    const starting = serving({ websocket: echo }, { ...rsa, tlsCiphers: 'NO-SUCH-SUITE' })
    await expect(starting).rejects.toMatchObject({
      code: 'ERR_BAD_OPTION',
      message: expect.stringContaining('NO-SUCH-SUITE') as string,
    })
  })
})
