// https://spec.commonmark.org/0.31.2/#links, #autolinks, #backslash-escapes, #hard-line-breaks

import { build } from './build.ts'
import { isFeature, type Feature, type GivenText, type RichText } from './facet.ts'
import { segment } from './segment.ts'
import { utf8Length } from './utf8.ts'

/** Where a link of Markdown leads for a feature: the address, the DID, or `#` and the tag. */
const hrefOf = (feature: Feature): string =>
  'uri' in feature ? feature.uri : 'did' in feature ? feature.did : `#${feature.tag}`

/** The other way round; undefined for what is none of them. */
function featureOf(href: string): Feature | undefined {
  const feature = href.startsWith('did:')
    ? { $type: 'app.bsky.richtext.facet#mention', did: href }
    : href.startsWith('#')
      ? { $type: 'app.bsky.richtext.facet#tag', tag: href.slice(1) }
      : { $type: 'app.bsky.richtext.facet#link', uri: href }
  return isFeature(feature) ? feature : undefined
}

/**
 * A text as Markdown that shows the same. {@link fromMarkdown} makes the same text and facets of it again, unless `href` says where
 * mentions, links and tags lead.
 */
export function toMarkdown(given: GivenText, href: (feature: Feature) => string = hrefOf): string {
  const inline = segment(given).map(({ text, feature }, i, all) => {
    const escaped = text.replace(/[\\`*_[\]<>~&]/g, '\\$&')
    // A link behind an exclamation mark would be an image.
    if (feature === undefined) return all[i + 1]?.feature ? escaped.replace(/!$/, '\\!') : escaped
    const target = href(feature)
    if (text === target && /^https?:[^\s<>]+$/.test(target)) return `<${target}>`
    if (/^[^\s\\()<>&]+$/.test(target)) return `[${escaped}](${target})`
    return `[${escaped}](<${target.replace(/[\\<>&]/g, '\\$&')}>)`
  })
  return (
    inline
      .join('')
      // What would begin a heading, a list, a table or a rule.
      .replace(/^([ \t]*\d{0,9})([#+=.)|-])/gm, '$1\\$2')
      // One line break would not show; two are a paragraph.
      .replace(/\n+/g, (breaks, at: number, all: string) =>
        breaks === '\n' && at > 0 && at + 1 < all.length ? '\\\n' : breaks,
      )
  )
}

/**
 * The text and the facets of Markdown: links, also those that {@link toMarkdown} writes for mentions and tags, addresses in angle
 * brackets, escapes and hard line breaks. Everything else stays as it is written: facets know no emphasis, headings or lists. Takes
 * time linear in the text.
 */
export function fromMarkdown(markdown: string): RichText {
  const pieces: (string | RichText)[] = []
  // The piece of the last bracket that may begin a link.
  let open = -1
  const add = (from: number, text: string, feature: Feature): void => {
    const index = { byteStart: 0, byteEnd: utf8Length(text) }
    pieces.splice(from, Infinity, { text, facets: [{ index, features: [feature] }] })
    open = -1
  }
  const addText = (text: string): void => {
    const last = pieces.length - 1
    if (last > open && typeof pieces[last] === 'string') pieces[last] += text
    else pieces.push(text)
  }
  const token = /\\([!-/:-@[-`{-~\n])|<(https?:[^\s<>]+)>|\]\(|[^\\[\]<]+|[^]/gi
  for (let match = token.exec(markdown); match !== null; match = token.exec(markdown)) {
    const [all, escaped, address] = match
    if (address !== undefined) {
      const feature = featureOf(address)
      if (feature === undefined) addText(all)
      else add(pieces.length, address, feature)
      continue
    }
    if (all === '](' && open !== -1) {
      const target = readTarget(markdown, token.lastIndex)
      // No link is among them: each one closes what was open.
      const text = pieces
        .slice(open + 1)
        .filter((piece) => typeof piece === 'string')
        .join('')
      const feature = target && featureOf(target.href)
      if (feature && text !== '') {
        add(open, text, feature)
        token.lastIndex = target.end
        continue
      }
      open = -1
    }
    if (all === '[') open = pieces.push(all) - 1
    else addText(escaped ?? all)
  }
  return build(pieces)
}

/** The target of a link, from behind its parenthesis on: in angle brackets or not, with a title or not. */
function readTarget(markdown: string, start: number): { href: string; end: number } | null {
  // No expression reads further than the next parenthesis or bracket that could begin a target, so no text is read over and over.
  const target = /<((?:\\.|[^\\<>])*)>|((?:\\.|[^\s\\()<>]|\((?:\\.|[^\s\\()<>])*\))*)/sy
  target.lastIndex = start
  const [, angled, plain] = target.exec(markdown)!
  const end = /(?:\s+"[^"]*")?\s*\)/y
  end.lastIndex = target.lastIndex
  if (!end.test(markdown)) return null
  return { href: (angled ?? plain!).replace(/\\([!-/:-@[-`{-~\n])/g, '$1'), end: end.lastIndex }
}
