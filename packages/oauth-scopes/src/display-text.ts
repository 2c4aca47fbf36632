/** Controls, and marks that turn the direction of text or have no width; but not spaces, nor the joiners that scripts need. */
const HIDDEN = /(?![\s\u200c\u200d])[\p{Cc}\p{Cf}]/gu
const SPACES = /\s+/g

/** What is read of a text, as a multiple of what is shown. */
const READ = 4

/**
 * A stranger's text as one line that can be shown: without what hides in text or turns its direction, and no longer than so many
 * characters. It is still text: whoever puts it into a page escapes it. Null for what is no text or shows nothing.
 */
export function displayText(text: unknown, maxLength: number): string | null {
  if (typeof text !== 'string') return null
  const start = text.slice(0, maxLength * READ).toWellFormed()
  const characters = Array.from(start.replace(HIDDEN, '').replace(SPACES, ' ').trim())
  if (characters.length === 0) return null
  return characters.length > maxLength || text.length > start.length
    ? `${characters
        .slice(0, maxLength - 1)
        .join('')
        .trimEnd()}…`
    : characters.join('')
}
