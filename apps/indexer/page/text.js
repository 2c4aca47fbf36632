// Texts of strangers: shown as they are, except that what cannot be seen, or turns the direction of what follows, is written out.

/** Ranges of code points that have no look of their own, or change that of others. First and last of each. */
const UNSEEN = [
  [0x0, 0x8],
  [0xb, 0x1f],
  [0x7f, 0x9f],
  [0xad, 0xad],
  [0x34f, 0x34f],
  [0x61c, 0x61c],
  [0x115f, 0x1160],
  [0x17b4, 0x17b5],
  [0x180b, 0x180f],
  [0x200b, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x206f],
  [0x2800, 0x2800],
  [0x3164, 0x3164],
  [0xd800, 0xdfff],
  [0xfe00, 0xfe0f],
  [0xfeff, 0xfeff],
  [0xffa0, 0xffa0],
  [0xfff0, 0xfffb],
  [0xe0000, 0xe0fff],
]
/** Nothing to look for in these, which most texts are. */
const PLAIN = /^[\t\n\x20-\x7e]*$/
const PICTOGRAPH = /^\p{Extended_Pictographic}|^\p{Emoji_Modifier}/u
const JOINER = 0x200d
const AS_EMOJI = 0xfe0f

function isUnseen(code) {
  return UNSEEN.some(([first, last]) => code >= first && code <= last)
}

/** A joiner or selector inside of an emoji is a part of it. */
function isOfEmoji(code, before) {
  if (code !== JOINER && code !== AS_EMOJI) return false
  return before !== undefined && (PICTOGRAPH.test(before) || before.codePointAt(0) === AS_EMOJI)
}

const nameOf = (code) => `U+${code.toString(16).toUpperCase().padStart(4, '0')}`

/** The pieces of a text: `[text, isUnseen]`, names of code points where they would not be seen. */
export function pieces(text) {
  if (PLAIN.test(text)) return text === '' ? [] : [[text, false]]
  const found = []
  let plain = ''
  let before
  for (const character of text) {
    const code = character.codePointAt(0)
    if (isUnseen(code) && !isOfEmoji(code, before)) {
      if (plain !== '') found.push([plain, false])
      plain = ''
      found.push([nameOf(code), true])
    } else plain += character
    before = character
  }
  if (plain !== '') found.push([plain, false])
  return found
}

/** The same as one text, for titles and names. */
export function written(text) {
  return pieces(text)
    .map(([piece, unseen]) => (unseen ? `[${piece}]` : piece))
    .join('')
}

/** A text as nodes: never markup, whatever it says. */
export function nodes(text) {
  return pieces(text).map(([piece, unseen]) => {
    if (!unseen) return document.createTextNode(piece)
    const mark = document.createElement('span')
    mark.className = 'unseen'
    mark.textContent = piece
    return mark
  })
}

/** A stranger's text in its own direction, which nothing around it takes over. @param max characters; the rest is left out, and said to be */
export function stranger(text, max = 3000) {
  const element = document.createElement('bdi')
  element.append(...nodes(text.length > max ? `${text.slice(0, max)}…` : text))
  return element
}
