import { de } from './de/de.ts'
import { en } from './en/en.ts'
import type { Texts } from './texts.ts'

/** The languages there are, the one for everybody else first. */
const LANGUAGES: ReadonlyMap<string, Texts> = new Map([
  ['en', en],
  ['de', de],
])

/** Tags of the languages there are. */
export const LANGUAGE_TAGS: readonly string[] = [...LANGUAGES.keys()]

/** Languages looked at in one request. */
const MAX_LANGUAGES = 20

/** The texts for somebody who reads these languages, the best first. */
export function chooseTexts(languages: readonly string[]): Texts {
  for (const tag of languages.slice(0, MAX_LANGUAGES)) {
    const texts = LANGUAGES.get(tag.toLowerCase().split('-')[0]!)
    if (texts !== undefined) return texts
  }
  return en
}

/** The languages of `Accept-Language`, the best first. https://www.rfc-editor.org/rfc/rfc9110#section-12.5.4 */
export function acceptedLanguages(header: string | undefined): string[] {
  return (header ?? '')
    .slice(0, 500)
    .split(',')
    .slice(0, MAX_LANGUAGES)
    .map((item) => {
      const [tag = '', ...parameters] = item.split(';').map((part) => part.trim())
      const quality = parameters.find((part) => part.startsWith('q='))
      const weight = quality === undefined ? 1 : Number(quality.slice(2))
      return { tag, weight: Number.isFinite(weight) ? weight : 0 }
    })
    .filter(({ tag, weight }) => tag !== '' && weight > 0)
    .toSorted((one, other) => other.weight - one.weight)
    .map(({ tag }) => tag)
}
