// The project's own few facts of each grammar, so that they are tested where the interop vectors are not at hand.
import { expect, test } from 'vitest'
import * as syntax from '../src/index.ts'

const FACTS: Record<string, [is: (value: unknown) => boolean, valid: string[], invalid: unknown[]]> = {
  did: [
    syntax.isDid,
    ['did:plc:7iza6de2dwap2sbkpav7c6c6', 'did:web:localhost%3A1234', 'did:m:v', 'did:method:-:_:.:%ab'],
    [
      'did',
      'did:method:',
      'did:METHOD:val',
      'did:method:val%',
      'did:m123:val',
      ' did:m:v',
      `did:m:${'v'.repeat(2043)}`,
      null,
      1,
      {},
    ],
  ],
  handle: [
    syntax.isHandle,
    ['jay.bsky.social', '8.cn', 'XX.LCS.MIT.EDU', 'xn--ls8h.test', `${'a'.repeat(63)}.test`],
    [
      'john',
      'john-.test',
      'john.0',
      '.john.test',
      'john.test.',
      'jo_hn.test',
      `${'a'.repeat(64)}.test`,
      '127.0.0.1',
      '',
    ],
  ],
  nsid: [
    syntax.isNsid,
    ['com.example.fooBar', 'a.b.c', 'a-0.b-1.c', `com.example.${'o'.repeat(63)}`],
    [
      'com.example',
      'com.example.foo.*',
      'com.example.2',
      '0two.example.foo',
      'com.example.foo-bar',
      `com.example.${'o'.repeat(64)}`,
    ],
  ],
  'record-key': [
    syntax.isRecordKey,
    ['self', 'a'.repeat(512), '~1.2-3_', ':', '...', 'dHJ1ZQ'],
    ['', '.', '..', 'alpha/beta', 'dHJ1ZQ==', 'any space', 'a'.repeat(513), '#x'],
  ],
  'at-identifier': [
    syntax.isAtIdentifier,
    ['did:plc:asdf', 'john.test'],
    ['', 'john', '@john.test', 'did:plc:'],
  ],
  'at-uri': [
    syntax.isAtUri,
    ['at://did:plc:asdf', 'at://john.test/com.example.note', 'at://did:plc:asdf/com.example.note/self'],
    [
      'at://',
      'at://did:plc:asdf/',
      'at://did:plc:asdf/x',
      'at://did:plc:asdf/com.example.note/..',
      'at://did:plc:asdf/com.example.note/a/b',
      'AT://did:plc:asdf',
    ],
  ],
  tid: [
    syntax.isTid,
    ['3jzfcijpj2z2a', '2222222222222'],
    ['3jzfcijpj2z21', 'zzzzzzzzzzzzz', 'kjzfcijpj2z2a', '3jzf-cij-pj2z-2a', '222'],
  ],
  datetime: [
    syntax.isDatetime,
    ['1985-04-12T23:20:50.123Z', '1985-04-12T23:20:50+01:45', '0001-01-01T00:00:00.000Z'],
    [
      '1985-04-12',
      '1985-04-12T23:20:50',
      '1985-04-12T23:20:50-00:00',
      '1985-13-12T23:20:50Z',
      '1985-04-12 23:20:50Z',
      '1985-04-12T23:20:50.Z',
    ],
  ],
  language: [
    syntax.isLanguage,
    [
      'ja',
      'pt-BR',
      'zh-Hant',
      'es-419',
      'i-default',
      'x-fr-CH',
      'hy-Latn-IT-arevela',
      'zh-min-nan',
      'zh-cmn-Hans-CN',
      'en-GB-oed',
    ],
    [
      '',
      'j',
      'JA',
      'jaja',
      'ja-',
      'de-DE-1901-1901',
      'en-a-foo-a-bar',
      'en-a',
      'x',
      'en-x',
      'en-US-GB',
      'en-aaaaaaaaa',
    ],
  ],
  uri: [
    syntax.isUri,
    [
      'https://example.com',
      'dns:example.com',
      'at://john.test',
      'go://?Mercedes%20Benz',
      'https://ja.wikipedia.org/wiki/日本',
    ],
    [
      'example.com',
      'http:',
      '//example.com',
      'https://example.com/a b',
      '-http://x',
      `https://x/${'x'.repeat(8190)}`,
      'https://x\u0000',
      'https://\ud800',
    ],
  ],
  cid: [
    syntax.isCidString,
    ['bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a', 'mBcDxtdWx0aWhhc2g+'],
    ['QmbWqxBEKC3P8tqsKc98xmWNzrzDtRLMiMPL8wBuTGsMnR', '12345', 'a'.repeat(257), 'cid:bafybeigd', ''],
  ],
}

test.each(Object.entries(FACTS))('%s', (_name, [is, valid, invalid]) => {
  expect(valid.filter((text) => !is(text))).toEqual([])
  expect(invalid.filter((value) => is(value))).toEqual([])
})
