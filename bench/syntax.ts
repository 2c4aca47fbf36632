// Identifiers beside their peers. Run: node bench/syntax.ts
import * as atcute from '@atcute/lexicons/syntax'
import * as atproto from '@atproto/syntax'
import * as avocet from '@avocet/syntax'

import { compare, save } from './support/compare.ts'

type Test = (text: string) => boolean
const rows: Array<[name: string, text: string, ours: Test, atcute: Test, atproto?: Test]> = [
  ['DID', 'did:plc:vwzwgnygau7ed7b7wt5ux7y2', avocet.isDid, atcute.isDid, atproto.isValidDid],
  ['handle', 'alice.bsky.social', avocet.isHandle, atcute.isHandle, atproto.isValidHandle],
  ['NSID', 'app.bsky.feed.post', avocet.isNsid, atcute.isNsid, atproto.isValidNsid],
  ['record key', '3k5nobkf2w72g', avocet.isRecordKey, atcute.isRecordKey, atproto.isValidRecordKey],
  ['TID', '3k5nobkf2w72g', avocet.isTid, atcute.isTid, atproto.isValidTid],
  [
    'AT URI',
    'at://did:plc:vwzwgnygau7ed7b7wt5ux7y2/app.bsky.feed.post/3k5nobkf2w72g',
    avocet.isAtUri,
    atcute.isResourceUri,
    atproto.isAtUriString,
  ],
  ['datetime', '2024-01-15T12:30:00.123Z', avocet.isDatetime, atcute.isDatetime, atproto.isDatetimeString],
  ['language', 'pt-BR', avocet.isLanguage, atcute.isLanguageCode],
  ['URI', 'https://example.com/path?q=1', avocet.isUri, atcute.isGenericUri],
]

for (const [name, text, ours, ofAtcute, ofAtproto] of rows) {
  // A text is made anew for each call: a regular expression remembers the last text it saw.
  const texts = Array.from({ length: 1000 }, () => `${text.slice(0, 3)}${text.slice(3)}`)
  const count = (is: Test) => () => {
    let valid = 0
    for (const each of texts) if (is(each)) valid++
    return valid
  }
  await compare(
    `check a ${name}`,
    { unit: 'texts', items: texts.length, target: 1 },
    {
      avocet: count(ours),
      '@atcute/lexicons': count(ofAtcute),
      ...(ofAtproto && { '@atproto/syntax': count(ofAtproto) }),
    },
  )
}
save('syntax')
