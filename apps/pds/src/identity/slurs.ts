/**
 * Words that no handle and no record key may be. They are kept in ROT13, so that nobody who reads the code has to read
 * them. Only those that have no decent meaning as a part of their own; what else is offensive is for moderation.
 */
const WORDS: ReadonlySet<string> = new Set(
  'puvax pbba snt snttbg sntbg sntrg snttrg snttbgel xvxr xlxr xvxrel avttre avttn avttbat genaal genaavr'
    .split(' ')
    .map(rot13),
)
/** Never a part of an innocent word either. */
const PARTS: readonly string[] = ['avttre', 'avttbe', 'avttyrg'].map(rot13)

/** Digits that stand for letters. */
const DISGUISES: Readonly<Record<string, string>> = {
  '0': 'o',
  '1': 'i',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '9': 'g',
}

/**
 * Whether a handle or record key is a slur, in one of its parts (between `.`, `-`, `_`, `:` and `~`) or with these left
 * out; in the plural, with digits for letters, with letters repeated. Linear in the text, which its caller bounds.
 */
export function hasSlur(text: string): boolean {
  const folded = text.toLowerCase().replace(/[013459]/g, (digit) => DISGUISES[digit]!)
  const parts = folded.split(/[-._:~]/)
  // A name cut in two by a hyphen; its domain is not part of it.
  const joined = folded.split('.', 1)[0]!.replace(/[-_:~]/g, '')
  return [...parts, joined].some((part) => isSlur(part) || isSlur(withoutRuns(part)))
}

function isSlur(part: string): boolean {
  return WORDS.has(part) || WORDS.has(part.replace(/s$/, '')) || PARTS.some((slur) => part.includes(slur))
}

/** Letters repeated more than twice become two. */
function withoutRuns(text: string): string {
  return Array.from(text)
    .filter((letter, i, all) => letter !== all[i - 1] || letter !== all[i - 2])
    .join('')
}

function rot13(text: string): string {
  return text.replace(/[a-z]/g, (letter) => String.fromCharCode(((letter.charCodeAt(0) - 97 + 13) % 26) + 97))
}
