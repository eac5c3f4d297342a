import { TidewayError } from '../../errors/tideway-error.ts'
import { requireHeader } from '../handshake/require-header.ts'

/** A target in angle brackets, and parameters with tokens or quoted strings as values (RFC 8288 §3), as Node requires. */
const linkPattern = /^<[^>]*>(?:\s*;\s*[^;"\s]+(?:=(")?[^;"\s]*\1)?)*$/

/** Checks the links of early hints. @throws TidewayError `ERR_BAD_EVENT` */
export function requireLinks(links: readonly string[]): void {
  if (!Array.isArray(links)) {
    throw new TidewayError('ERR_BAD_EVENT', 'http.response.early_hint needs a list of strings as links.')
  }
  for (const link of links) {
    requireHeader('Link', link)
    if (linkPattern.test(link)) continue
    const message = `The link ${JSON.stringify(link)} does not have the form </style.css>; rel=preload; as=style.`
    throw new TidewayError('ERR_BAD_EVENT', message)
  }
}
