import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { programPath } from '../../../../../test/setup/describe-with.ts'

/** A key and its certificate in files. */
export interface KeyPair {
  readonly keyFile: string
  readonly certFile: string
  readonly key: string
  readonly cert: string
}

/** What a certificate is to say. */
export interface CertificateOptions {
  /** The CN. @default localhost */
  readonly name?: string
  /** Who signs it. @default itself */
  readonly issuer?: KeyPair
  /** For how long it holds from now on; -1: it has expired. @default 30 */
  readonly days?: number
}

/** A folder of key pairs that openssl makes; for a suite that has asked for it. */
export class CertificateFolder {
  readonly path: string = mkdtempSync(join(tmpdir(), 'tideway-tls-'))
  #count = 0

  /** A new pair, for `localhost` and 127.0.0.1. */
  pair(options: CertificateOptions = {}): KeyPair {
    const { name = 'localhost', issuer, days = 30 } = options
    const number = ++this.#count
    const keyFile = join(this.path, `${number}.key.pem`)
    const certFile = join(this.path, `${number}.cert.pem`)
    const request = join(this.path, `${number}.csr.pem`)
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
    const names = ['-subj', `/O=Tideway/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
    const authority = issuer === undefined ? ['-addext', 'basicConstraints=critical,CA:TRUE'] : []
    this.#openssl('req', '-new', ...curve, ...names, ...authority, '-keyout', keyFile, '-out', request)
    const signer = issuer === undefined ? ['-signkey', keyFile] : ['-CA', issuer.certFile, '-CAkey', issuer.keyFile]
    const serial = issuer === undefined ? [] : ['-CAcreateserial']
    const signed = ['-copy_extensions', 'copy', '-days', String(days), '-out', certFile]
    this.#openssl('x509', '-req', '-in', request, ...signer, ...serial, ...signed)
    return { keyFile, certFile, key: readFileSync(keyFile, 'utf8'), cert: readFileSync(certFile, 'utf8') }
  }

  /** The key of a pair, encrypted. */
  encrypted({ keyFile }: KeyPair, passphrase: string): string {
    const file = `${keyFile}.encrypted`
    this.#openssl('pkcs8', '-topk8', '-in', keyFile, '-passout', `pass:${passphrase}`, '-out', file)
    return file
  }

  /** A file with this in it. */
  file(name: string, content: string): string {
    const file = join(this.path, name)
    writeFileSync(file, content)
    return file
  }

  remove(): void {
    rmSync(this.path, { recursive: true })
  }

  #openssl(...args: readonly string[]): void {
    execFileSync(programPath('openssl'), args, { stdio: 'pipe' })
  }
}

/** What the tests of a suite have: a folder, and a first pair in it. */
export interface SuiteCertificates {
  readonly folder: CertificateFolder
  readonly pair: KeyPair
}

/** For the suite that calls it: made before its tests, removed after them. */
export function suiteCertificates(): SuiteCertificates {
  const made: { folder?: CertificateFolder; pair?: KeyPair } = {}
  beforeAll(() => {
    made.folder = new CertificateFolder()
    made.pair = made.folder.pair()
  })
  afterAll(() => made.folder?.remove())
  return {
    get folder() {
      return made.folder!
    },
    get pair() {
      return made.pair!
    },
  }
}
