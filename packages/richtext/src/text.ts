import { build } from './build.ts'
import type { Facet, GivenText, RichText } from './facet.ts'
import { segment } from './segment.ts'
import { truncate } from './truncate.ts'
import { utf8Length } from './utf8.ts'

const withoutScheme = (uri: string): string => uri.replace(/^https?:\/\//i, '')

/**
 * A text that says all without its facets: behind a link stands its address, unless the text shows it; one that was shortened is
 * written out.
 */
export function toText(given: GivenText): string {
  return segment(given)
    .map(({ text, feature }) => {
      if (feature === undefined || !('uri' in feature)) return text
      const shown = withoutScheme(text)
      const whole = withoutScheme(feature.uri)
      if (shown === whole || `${shown}/` === whole) return text
      const beginning = /^(.+)(?:…|\.\.\.)$/su.exec(shown)?.[1]
      return beginning !== undefined && whole.startsWith(beginning) ? feature.uri : `${text} (${feature.uri})`
    })
    .join('')
}

/**
 * Shows links that show their whole address as their host and the first characters of what follows, 15 unless said otherwise: they
 * take less of the length of a post, and link to the same.
 */
export function shortenLinks(rich: RichText, pathGraphemes = 15): RichText {
  return build(
    segment<Facet>(rich).map(({ text, feature, facet }) => {
      if (facet === undefined) return text
      const shown =
        feature && 'uri' in feature && withoutScheme(feature.uri) === withoutScheme(text)
          ? shorten(text, pathGraphemes)
          : text
      return { text: shown, facets: [{ ...facet, index: { byteStart: 0, byteEnd: utf8Length(shown) } }] }
    }),
  )
}

function shorten(text: string, graphemes: number): string {
  const address = withoutScheme(text)
  const host = /^[^/?#]*/.exec(address)![0]
  const path = address.slice(host.length)
  return host + (path === '/' ? '' : truncate({ text: path }, { graphemes }).text)
}
