import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeWith } from '../../../../../test/setup/describe-with.ts'
import { loadCredentials } from '../../../src/server/transport/tls/credentials.ts'
import type { TlsOptions } from '../../../src/server/transport/tls/tls-options.ts'
import { recordingLogger, type LogLine } from '../serving.ts'
import { CertificateFolder, type KeyPair } from './certificates.ts'

describeWith(['openssl'], 'key and certificate', () => {
  let folder: CertificateFolder
  let pair: KeyPair
  let other: KeyPair
  beforeAll(() => {
    folder = new CertificateFolder()
    pair = folder.pair()
    other = folder.pair()
  })
  afterAll(() => folder.remove())

  async function load(options: TlsOptions): Promise<{ log: LogLine[]; isThere: boolean }> {
    const log: LogLine[] = []
    return { isThere: (await loadCredentials(options, recordingLogger(log))) !== undefined, log }
  }

  it('are undefined without options', async () => {
    expect(await load({})).toEqual({ isThere: false, log: [] })
  })

  it('are read from files, from text in PEM, and from bytes', async () => {
    const { keyFile, certFile, key, cert } = pair
    for (const options of [
      { tlsKey: keyFile, tlsCert: certFile },
      { tlsKey: key, tlsCert: cert },
      { tlsKey: Buffer.from(key), tlsCert: new TextEncoder().encode(cert) },
      { tlsKey: keyFile, tlsCert: cert + other.cert },
      { tlsKey: folder.encrypted(pair, 'secret'), tlsCert: cert, tlsPassphrase: 'secret' },
    ]) {
      expect(await load(options)).toEqual({ isThere: true, log: [] })
    }
  })

  describe('are refused', () => {
    it.each<[string, (key: string, cert: string) => TlsOptions, string, RegExp]>([
      ['a key without a certificate', (tlsKey) => ({ tlsKey }), 'ERR_BAD_OPTION', /^tlsCert is missing/],
      ['a certificate without a key', (_, tlsCert) => ({ tlsCert }), 'ERR_BAD_OPTION', /^tlsKey is missing/],
      ['authorities alone', (_, tlsCa) => ({ tlsCa }), 'ERR_BAD_OPTION', /^tlsKey and tlsCert is missing/],
      [
        'no such file',
        (_, tlsCert) => ({ tlsKey: '/no/key.pem', tlsCert }),
        'ERR_BAD_CERTIFICATE',
        /^tlsKey: \/no\/key.pem cannot be read: ENOENT/,
      ],
      [
        'a key that is not PEM',
        (_, tlsCert) => ({ tlsKey: Buffer.from('key'), tlsCert }),
        'ERR_BAD_CERTIFICATE',
        /^tlsKey contains no private key/,
      ],
      [
        'a key in place of a certificate',
        (tlsKey) => ({ tlsKey, tlsCert: tlsKey }),
        'ERR_BAD_CERTIFICATE',
        /^tlsCert contains no certificate/,
      ],
      [
        'a key in place of authorities',
        (tlsKey, tlsCert) => ({ tlsKey, tlsCert, tlsCa: tlsKey }),
        'ERR_BAD_CERTIFICATE',
        /^tlsCa contains no certificate/,
      ],
      [
        'an empty key',
        (_, tlsCert) => ({ tlsKey: Buffer.alloc(0), tlsCert }),
        'ERR_BAD_CERTIFICATE',
        /^tlsKey contains no private key/,
      ],
    ])('%s', async (_what, optionsOf, code, message) => {
      await expect(load(optionsOf(pair.key, pair.cert))).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message) as string,
      })
    })

    it('a key of another certificate', async () => {
      await expect(load({ tlsKey: other.keyFile, tlsCert: pair.certFile })).rejects.toMatchObject({
        code: 'ERR_BAD_CERTIFICATE',
        message: expect.stringContaining('tlsKey is not the key of the certificate in tlsCert') as string,
      })
    })

    it.each([{}, { tlsPassphrase: 'wrong' }])('an encrypted key with %j', async (options) => {
      const tlsKey = folder.encrypted(pair, 'secret')
      await expect(load({ ...options, tlsKey, tlsCert: pair.certFile })).rejects.toMatchObject({
        code: 'ERR_BAD_CERTIFICATE',
        message: 'tlsKey is encrypted, and tlsPassphrase does not decrypt it.',
      })
    })
  })

  it('are accepted with a warning if they have expired', async () => {
    const { keyFile, certFile } = folder.pair({ days: -1 })
    const { isThere, log } = await load({ tlsKey: keyFile, tlsCert: certFile })
    expect(isThere).toBe(true)
    expect(log).toMatchObject([{ level: 'warn', message: expect.stringContaining('has expired') as string }])
  })
})
