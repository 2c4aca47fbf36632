import { describe, expect, test } from 'vitest'
import * as syntax from '../src/index.ts'
import { readFixtureText } from '@avocet/testing'

type Guard = (value: unknown) => boolean

/** One value a line; lines with # are comments, and white space counts. */
async function readLines(name: string): Promise<string[]> {
  const text = await readFixtureText(`interop/syntax/${name}.txt`)
  return (text ?? '').split('\n').filter((line) => line !== '' && !line.startsWith('#'))
}

const SUITES: Array<[file: string, is: Guard, parse: (value: unknown) => { ok: boolean }, assert: Guard]> = [
  ['atidentifier', syntax.isAtIdentifier, syntax.parseAtIdentifier, holds(syntax.assertAtIdentifier)],
  ['aturi', syntax.isAtUri, syntax.parseAtUri, holds(syntax.assertAtUri)],
  ['cid', syntax.isCidString, syntax.parseCidString, holds(syntax.assertCidString)],
  ['datetime', syntax.isDatetime, syntax.parseDatetime, holds(syntax.assertDatetime)],
  ['did', syntax.isDid, syntax.parseDid, holds(syntax.assertDid)],
  ['handle', syntax.isHandle, syntax.parseHandle, holds(syntax.assertHandle)],
  ['language', syntax.isLanguage, syntax.parseLanguage, holds(syntax.assertLanguage)],
  ['nsid', syntax.isNsid, syntax.parseNsid, holds(syntax.assertNsid)],
  ['recordkey', syntax.isRecordKey, syntax.parseRecordKey, holds(syntax.assertRecordKey)],
  ['tid', syntax.isTid, syntax.parseTid, holds(syntax.assertTid)],
  ['uri', syntax.isUri, syntax.parseUri, holds(syntax.assertUri)],
]

function holds(assertion: (value: unknown) => void): Guard {
  return (value) => {
    try {
      assertion(value)
      return true
    } catch (error) {
      expect(error).toBeInstanceOf(syntax.SyntaxFault)
      return false
    }
  }
}

for (const [file, is, parse, assert] of SUITES) {
  const valid = await readLines(`${file}_syntax_valid`)
  const invalid = await readLines(`${file}_syntax_invalid`)
  if (file === 'datetime') invalid.push(...(await readLines('datetime_parse_invalid')))
  if (file === 'language') invalid.push(...(await readLines('language_parse_invalid')))

  describe.skipIf(valid.length === 0)(`interop ${file}`, () => {
    test.each(valid)('valid %j', (text) => {
      expect([is(text), parse(text).ok, assert(text)]).toEqual([true, true, true])
    })
    test.each(invalid)('invalid %j', (text) => {
      expect([is(text), parse(text).ok, assert(text)]).toEqual([false, false, false])
    })
  })
}
