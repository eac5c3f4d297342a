import { it, onTestFinished } from 'vitest'
import { describeWith } from '../../../../../test/setup/describe-with.ts'
import { CertificateFolder } from '../tls/certificates.ts'
import { attack } from './attacks.ts'
import { fuzz, seconds } from './fuzzing.ts'
import { http2Attack } from './http2-attacks.ts'

// Most of the time is for HTTP/1 and the WebSocket engine: what reads HTTP/2 is nghttp2.
const inTheClear = seconds * 0.7
const overTls = seconds * 0.3
const SETTLING_MS = 120_000

it(
  `the server releases everything after noise, invalid handshakes and frames, and lost connections (${inTheClear} s)`,
  { timeout: inTheClear * 1000 + SETTLING_MS },
  () => fuzz({ attack }, inTheClear, 1500),
)

describeWith(['openssl'], 'over TLS', () => {
  it(
    `the server releases everything after invalid HTTP/2, reset streams and their WebSockets (${overTls} s)`,
    { timeout: overTls * 1000 + SETTLING_MS },
    async () => {
      const folder = new CertificateFolder()
      onTestFinished(() => folder.remove())
      await fuzz({ attack: http2Attack, pair: folder.pair() }, overTls, 400)
    },
  )
})
