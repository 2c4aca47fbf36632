// The one way from a text to the page: as a text. What strangers write is never parsed as markup.

/** An element with children; texts become text nodes. */
export function node<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Partial<HTMLElementTagNameMap[K]>,
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = Object.assign(document.createElement(tag), properties)
  made.append(...children)
  return made
}

/** A text with marks around what a search found. Its ranges are in bytes of UTF-8. */
export function marked(
  text: string,
  ranges: readonly { readonly byteStart: number; readonly byteEnd: number }[],
): (Node | string)[] {
  const bytes = new TextEncoder().encode(text)
  const part = (from: number, to?: number): string => new TextDecoder().decode(bytes.subarray(from, to))
  let end = 0
  const parts: (Node | string)[] = []
  for (const { byteStart, byteEnd } of ranges) {
    parts.push(part(end, byteStart), node('mark', {}, part(byteStart, byteEnd)))
    end = byteEnd
  }
  return [...parts, part(end)]
}
