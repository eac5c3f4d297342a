import { deserialize, serialize } from 'node:v8'
import type { GroupSendOptions, Message } from '../channel-layer.ts'
import { copyMessage, rememberMessageBytes } from '../message.ts'

type Except = GroupSendOptions['except']

/** A message, and the channels of its group that do not get it. */
export interface Parcel {
  readonly message: Message
  readonly except: Except
}

const JSON_FORMAT = 0x6a
const V8_FORMAT = 0x76

/**
 * Encodes a message that the layer has checked: as JSON if that represents it unchanged, which takes a sixth of the time of the
 * serializer of V8 (2.3 and 14.9 µs on a busy machine), else by that.
 */
export function encodeMessage(message: Message, except?: Except): Buffer {
  const content = except === undefined ? message : [message, except]
  if (!isJson(message)) {
    const bytes = serialize(content)
    return Buffer.concat([Buffer.of(V8_FORMAT), bytes])
  }
  return Buffer.from('j' + JSON.stringify(content))
}

/** Decodes what {@link encodeMessage} has made. The message is frozen. */
export function decodeMessage(bytes: Buffer): Parcel {
  const isText = bytes[0] === JSON_FORMAT
  const content: unknown = isText ? JSON.parse(bytes.toString('utf8', 1)) : deserialize(bytes.subarray(1))
  const [read, except] = (Array.isArray(content) ? content : [content, undefined]) as [Message, Except]
  const message = isText ? freezeDeeply(read) : copyMessage(read, Infinity)
  rememberMessageBytes(message, bytes.length)
  return { message, except }
}

function isJson(value: unknown): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0)
    case 'object':
      if (value === null) return true
      if (Array.isArray(value)) return value.every(isJson)
      if (value instanceof Uint8Array) return false
      for (const key in value) if (!isJson((value as Record<string, unknown>)[key])) return false
      return true
  }
  return false
}

function freezeDeeply<Value extends object>(value: Value): Value {
  for (const key in value) {
    const part = value[key]
    if (typeof part === 'object' && part !== null) freezeDeeply(part)
  }
  return Object.freeze(value)
}
