/** A text as UTF-8. Half of a surrogate pair becomes U+FFFD. */
export const encode = (text: string): Uint8Array => new TextEncoder().encode(text)

/** Bytes of a text as UTF-8. */
export const utf8Length = (text: string): number => encode(text).length
