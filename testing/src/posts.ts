// Texts as people post them, and as nobody should: made by rule, the same for the same seed.
import type { Random } from './fuzz.ts'

const WORDS =
  'hello World the a I é straße naïve Привет мир שלום עולם مرحبا بالعالم 你好 世界 こんにちは 안녕 สวัสดี नमस्ते 𝒜𝓁𝒾𝒸ℯ 𠮷野家 e.g. i.e. U.S. node.js file.txt 3.14 v1.2.3 10:30 5.pm'.split(
    ' ',
  )
const EMOJI = ['😀', '👨‍👩‍👧‍👦', '🏳️‍🌈', '👍🏽', '🇩🇪', '1️⃣', '#️⃣', '☕', '❤️', '🫠']
const SPACES = [
  ' ',
  ' ',
  ' ',
  ' ',
  '\n',
  '\n\n',
  '\t',
  '\r\n',
  '\u00a0',
  '\u3000',
  '\u2003',
  '\u2028',
  '\ufeff',
]
const INVISIBLE = [
  '\u200b',
  '\u200d',
  '\u200c',
  '\u00ad',
  '\u2060',
  '\u200a',
  '\u20e2',
  '\ufe0f',
  '\u202e',
  '\u200f',
  '\u0301',
]
const PUNCTUATION =
  '. , ; : ! ? ... !! ?! ) ( )) (( ). .) ] [ } { " \' ’ ” “ « » … — - _ * ~ ` / \\ | & % + = < > @ # $ ＃ ＠ 。 、 」 「 ！ ？ ） （ ؟ ،'.split(
    ' ',
  )
const HOSTS =
  'example.com alice.bsky.social my-site.org sub.domain.co.uk a.io example.photography example.notatld EXAMPLE.COM Example.com 9to5mac.com x.y foo.com-bar foo..com -foo.com foo-.com foo_bar.com httpbin.org https.dev münchen.de 例え.jp xn--80ak6aa92e.com xn--e1afmkfd.xn--p1ai site.my-host.com localhost alice.test a.b.c.d.e.museum 127.0.0.1 readme.md main.rs this.Is'.split(
    ' ',
  )
const PATHS = [
  '/',
  '/a',
  '/a/b.html',
  '?q=1&b=2',
  '#top',
  ':8080',
  ':8080/x',
  ':x',
  '/wiki/Foo_(bar)',
  '/(a',
  '/a)',
  '/パス',
  '/%E3%83%91',
  '/@alice',
  '/#tag',
  "'s",
  'です',
  '_x',
  '-',
  '.',
  '/a.',
  '/.',
  '//',
  '/?',
  '/..',
]
const SCHEMES = [
  'https://',
  'https://',
  'https://',
  'http://',
  'HTTPS://',
  'Https://',
  'ftp://',
  'javascript:',
  'https:/',
  'https:',
  'https://user@',
]
const TAGS =
  'tag Tag tag123 123 1a 2024 日本語 тег #double # tag-with-dash tag_under tag.dot tag! tag?! tag) (tag) café 🏳️‍🌈 ️ 1️⃣ a·b c++ c# ,comma _ _a $AAPL @alice'.split(
    ' ',
  )
const CASHTAGS = 'AAPL aapl A BRK BRK.B GOOGL TOOLONG 1A A1 A1B2C $AAPL AAPL’s AAPL)'.split(' ')

/** Makes texts. With `lone`, some have halves of surrogate pairs. */
export function createPosts(random: Random, { lone = false } = {}): () => string {
  const some = (chance: number, make: () => string): string => (random.below(chance) === 0 ? make() : '')
  const letters = (most: number): string =>
    random.pick(['a', 'é', '語', '😀', '👨‍👩‍👧‍👦', 'a.', '(a']).repeat(1 + random.below(most))
  const host = (): string => (random.below(40) === 0 ? `${letters(70)}.com` : random.pick(HOSTS))
  const makers: readonly (() => string)[] = [
    () => random.pick(WORDS),
    () => random.pick(WORDS),
    () => random.pick(EMOJI),
    () => random.pick(INVISIBLE),
    () => random.pick(PUNCTUATION),
    () => random.pick(SPACES),
    () => `@${host()}${some(4, () => random.pick(PATHS))}`,
    () => `${random.pick(['@', '＠', '@@', '.@'])}${random.pick(HOSTS)}`,
    () => `${random.pick(SCHEMES)}${host()}${some(2, () => random.pick(PATHS))}`,
    () => `${host()}${some(2, () => random.pick(PATHS))}`,
    () => `${random.pick(WORDS)}@${random.pick(HOSTS)}`,
    () =>
      `${random.pick(['#', '#', '#', '＃', '##'])}${random.below(30) === 0 ? letters(300) : random.pick(TAGS)}`,
    () => `$${random.pick(CASHTAGS)}`,
    () => (lone ? random.pick(['\ud83d', '\ude00', '\udfff\ud800', 'a\udc00']) : ''),
    () => some(20, () => `https://example.com/${letters(9000)}`),
    () =>
      some(4, () =>
        random.pick([
          '[a](https://example.com)',
          '<https://a.io>',
          '**b**',
          '\\[',
          '](',
          '](<',
          '- a',
          '1. b',
          '&amp;',
        ]),
      ),
  ]
  return () => {
    let text = ''
    for (let parts = 1 + random.below(8); parts > 0; parts--) {
      if (random.below(3) > 0) text += random.pick(SPACES)
      else if (random.below(3) === 0) text += random.pick(['(', '"', '“', '[', '「', '.'])
      text += random.pick(makers)()
      if (random.below(3) === 0) text += random.pick(PUNCTUATION)
    }
    return text
  }
}
