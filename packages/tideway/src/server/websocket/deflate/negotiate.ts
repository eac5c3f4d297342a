import type { ResolvedCompressionOptions } from './compression-options.ts'
import type { DeflateParameters } from '../../handshake/deflate-parameters.ts'
import type { ExtensionOffer } from './extension-header.ts'

interface Offer {
  serverNoContextTakeover: boolean
  clientNoContextTakeover: boolean
  serverMaxWindowBits: number | undefined
  /** `true`: the client accepts any value of the server. `undefined`: it does not support the parameter. */
  clientMaxWindowBits: number | true | undefined
}

const EXTENSION = 'permessage-deflate'

/** zlib can inflate a window of 8 bits, but not deflate with it. */
const MIN_DEFLATE_BITS = 9
const MAX_BITS = 15

/** RFC 7692 §7.1.2: a decimal number from 8 to 15 without leading zeros. */
const bitsPattern = /^(?:[89]|1[0-5])$/

/** Accepts the first acceptable offer; clients list them in order of preference. `undefined`: no compression. */
export function negotiate(
  offers: readonly ExtensionOffer[],
  options: ResolvedCompressionOptions,
): DeflateParameters | undefined {
  for (const { name, parameters } of offers) {
    if (name !== EXTENSION) continue
    const offer = readOffer(parameters)
    const agreed = offer && agree(offer, options)
    if (agreed !== undefined) return agreed
  }
  return undefined
}

/** RFC 7692 §7.1: an offer with an unknown, repeated or malformed parameter is declined. */
function readOffer(parameters: ExtensionOffer['parameters']): Offer | undefined {
  if (new Set(parameters.map(([name]) => name)).size < parameters.length) return undefined
  const offer: Offer = {
    serverNoContextTakeover: false,
    clientNoContextTakeover: false,
    serverMaxWindowBits: undefined,
    clientMaxWindowBits: undefined,
  }
  for (const [name, value] of parameters) {
    const bits = value !== true && bitsPattern.test(value) ? Number(value) : undefined
    if (name === 'server_no_context_takeover' && value === true) offer.serverNoContextTakeover = true
    else if (name === 'client_no_context_takeover' && value === true) offer.clientNoContextTakeover = true
    else if (name === 'server_max_window_bits' && bits !== undefined) offer.serverMaxWindowBits = bits
    else if (name === 'client_max_window_bits' && (value === true || bits !== undefined)) {
      offer.clientMaxWindowBits = bits ?? true
    } else return undefined
  }
  return offer
}

function agree(offer: Offer, options: ResolvedCompressionOptions): DeflateParameters | undefined {
  const serverMaxWindowBits = Math.min(offer.serverMaxWindowBits ?? MAX_BITS, options.serverMaxWindowBits)
  if (serverMaxWindowBits < MIN_DEFLATE_BITS) return undefined
  const mayLimitClient = offer.clientMaxWindowBits !== undefined
  if (!mayLimitClient && options.clientMaxWindowBits < MAX_BITS) return undefined
  const offeredBits = typeof offer.clientMaxWindowBits === 'number' ? offer.clientMaxWindowBits : MAX_BITS
  const clientMaxWindowBits = Math.min(offeredBits, options.clientMaxWindowBits)
  // Either side may request it, and the response may have a parameter that the offer has not (RFC 7692 §7.1.1).
  const serverNoContextTakeover = offer.serverNoContextTakeover || options.serverNoContextTakeover
  const clientNoContextTakeover = offer.clientNoContextTakeover || options.clientNoContextTakeover

  let response = EXTENSION
  if (serverNoContextTakeover) response += '; server_no_context_takeover'
  if (clientNoContextTakeover) response += '; client_no_context_takeover'
  if (offer.serverMaxWindowBits !== undefined || serverMaxWindowBits < MAX_BITS) {
    response += `; server_max_window_bits=${serverMaxWindowBits}`
  }
  // RFC 7692 §7.1.2.2: only to a client that offered it. At 15, the default, the parameter is not needed.
  if (mayLimitClient && clientMaxWindowBits < MAX_BITS) response += `; client_max_window_bits=${clientMaxWindowBits}`
  return { serverNoContextTakeover, clientNoContextTakeover, serverMaxWindowBits, clientMaxWindowBits, response }
}
