/** RFC 9110 §5.6.2. */
const tokenPattern = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y

/** RFC 9110 §5.6.4. Each character has one way to match, so the time is linear in the length. */
const quotedPattern = /"((?:[\t !\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t -\x7e\x80-\xff])*)"/y

/** Optional white space (RFC 9110 §5.6.3). */
const spacePattern = /[\t ]*/y

/** Reads the value of a header from left to right, each character once. */
export class HeaderScanner {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  /** Whether everything has been read. */
  get isAtEnd(): boolean {
    return this.#at === this.#text.length
  }

  /** Skips this character. Returns `false` if another one is next. */
  skip(character: string): boolean {
    if (this.#text[this.#at] !== character) return false
    this.#at++
    return true
  }

  /** Skips white space. */
  skipSpace(): void {
    this.#match(spacePattern)
  }

  /** Skips the commas between two elements of a list, and empty elements (RFC 9110 §5.6.1.2). */
  skipCommas(): boolean {
    this.skipSpace()
    const from = this.#at
    while (this.skip(',')) this.skipSpace()
    return this.#at > from
  }

  /** Reads a token; `undefined` if none is next. */
  token(): string | undefined {
    return this.#match(tokenPattern)?.[0]
  }

  /** Reads a token or the content of a quoted string, unescaped; `undefined` if neither is next. */
  value(): string | undefined {
    return this.token() ?? this.#match(quotedPattern)?.[1]?.replace(/\\(.)/g, '$1')
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)
    if (found === null) return undefined
    this.#at = pattern.lastIndex
    return found
  }
}
