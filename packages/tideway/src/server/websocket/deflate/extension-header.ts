import { HeaderScanner } from '../../handshake/header-scanner.ts'

/** One extension of a `Sec-WebSocket-Extensions` header. */
export interface ExtensionOffer {
  readonly name: string
  /** In the order of the header; `true` for a parameter without a value. */
  readonly parameters: readonly (readonly [name: string, value: string | true])[]
}

/** RFC 6455 §9.1: the content of a quoted value is a token once it is unescaped. */
const tokenPattern = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/**
 * Parses a `Sec-WebSocket-Extensions` header (RFC 6455 §9.1); one without an element offers nothing. `undefined`: it does not
 * follow the grammar, so the handshake has to fail.
 */
export function parseExtensions(header: string): readonly ExtensionOffer[] | undefined {
  const scanner = new HeaderScanner(header)
  const offers: ExtensionOffer[] = []
  scanner.skipCommas()
  while (!scanner.isAtEnd) {
    const offer = readOffer(scanner)
    if (offer === undefined) return undefined
    offers.push(offer)
    if (!scanner.skipCommas() && !scanner.isAtEnd) return undefined
  }
  return offers
}

function readOffer(scanner: HeaderScanner): ExtensionOffer | undefined {
  const name = scanner.token()
  if (name === undefined) return undefined
  const parameters: (readonly [string, string | true])[] = []
  scanner.skipSpace()
  while (scanner.skip(';')) {
    scanner.skipSpace()
    const parameter = scanner.token()
    if (parameter === undefined) return undefined
    scanner.skipSpace()
    let value: string | true = true
    if (scanner.skip('=')) {
      scanner.skipSpace()
      const given = scanner.value()
      if (given === undefined || !tokenPattern.test(given)) return undefined
      value = given
      scanner.skipSpace()
    }
    parameters.push([parameter, value])
  }
  return { name, parameters }
}
