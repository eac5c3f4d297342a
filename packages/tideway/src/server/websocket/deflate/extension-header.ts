/** One extension of a `Sec-WebSocket-Extensions` header. */
export interface ExtensionOffer {
  readonly name: string
  /** In the order of the header; `true` for a parameter without a value. */
  readonly parameters: readonly (readonly [name: string, value: string | true])[]
}

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+"
const SPACE = '[\\t ]*'

/** The name of an extension, where it stands. */
const namePattern = new RegExp(`${SPACE}(${TOKEN})${SPACE}`, 'y')
/** A parameter, where it stands. RFC 6455 §9.1: what is quoted has to be a token as well. */
const parameterPattern = new RegExp(`;${SPACE}(${TOKEN})${SPACE}(?:=${SPACE}(?:(${TOKEN})|"(${TOKEN})")${SPACE})?`, 'y')
/** What is between two elements. Empty ones are allowed (RFC 9110 §5.6.1.2): they come from headers that were joined. */
const commasPattern = /[\t ]*(?:,[\t ]*)+/y

/**
 * Parses a `Sec-WebSocket-Extensions` header (RFC 6455 §9.1). `undefined`: it does not follow the grammar, so the
 * handshake has to fail.
 */
export function parseExtensions(header: string): readonly ExtensionOffer[] | undefined {
  const offers: ExtensionOffer[] = []
  let at = match(commasPattern, header, 0)?.end ?? 0
  while (at < header.length) {
    const name = match(namePattern, header, at)
    if (name === undefined) return undefined
    const parameters: (readonly [string, string | true])[] = []
    at = name.end
    for (let one = match(parameterPattern, header, at); one !== undefined; one = match(parameterPattern, header, at)) {
      parameters.push([one.groups[1]!, one.groups[2] ?? one.groups[3] ?? true])
      at = one.end
    }
    offers.push({ name: name.groups[1]!, parameters })
    if (at === header.length) break
    const commas = match(commasPattern, header, at)
    if (commas === undefined) return undefined
    at = commas.end
  }
  return offers.length > 0 ? offers : undefined
}

function match(
  pattern: RegExp,
  text: string,
  at: number,
): { readonly groups: RegExpExecArray; readonly end: number } | undefined {
  pattern.lastIndex = at
  const groups = pattern.exec(text)
  return groups === null ? undefined : { groups, end: pattern.lastIndex }
}
