import { describe, expect, test } from 'vitest'

import { makeRecoveryCodes, readCode, recoveryHash } from '../src/factors/codes.ts'
import { createSeal } from '../src/factors/sealed.ts'
import { base32, matchTotp, totpCode, totpStep, totpUri } from '../src/factors/totp.ts'

const SECRET = Buffer.from('12345678901234567890')

describe('codes by the time', () => {
  test('are those of RFC 6238, in their last six digits', () => {
    const vectors = [
      [59, '94287082'],
      [1_111_111_109, '07081804'],
      [1_111_111_111, '14050471'],
      [1_234_567_890, '89005924'],
      [2_000_000_000, '69279037'],
      [20_000_000_000, '65353130'],
    ] as const
    for (const [seconds, code] of vectors) {
      expect(totpCode(SECRET, totpStep(seconds * 1000))).toBe(code.slice(2))
    }
  })

  test('are good one step before and after, and no further', () => {
    const now = 1_800_000_000_000
    const step = totpStep(now)
    const match = (offset: number): number | null =>
      matchTotp(SECRET, totpCode(SECRET, step + offset), -1, now)
    expect([-2, -1, 0, 1, 2].map((offset) => match(offset))).toEqual([null, step - 1, step, step + 1, null])
    // The last moment of a step, and the first of the next.
    expect(matchTotp(SECRET, totpCode(SECRET, step), -1, (step + 2) * 30_000 - 1)).toBe(step)
    expect(matchTotp(SECRET, totpCode(SECRET, step), -1, (step + 2) * 30_000)).toBeNull()
  })

  test('of a step that was used, or of one before it, are none', () => {
    const now = 1_800_000_000_000
    const step = totpStep(now)
    expect(matchTotp(SECRET, totpCode(SECRET, step), step - 1, now)).toBe(step)
    expect(matchTotp(SECRET, totpCode(SECRET, step), step, now)).toBeNull()
    expect(matchTotp(SECRET, totpCode(SECRET, step - 1), step, now)).toBeNull()
    expect(matchTotp(SECRET, totpCode(SECRET, step + 1), step, now)).toBe(step + 1)
  })

  test('begin with a secret that people and apps can read', () => {
    // https://www.rfc-editor.org/rfc/rfc4648#section-10, without padding
    const vectors = {
      '': '',
      f: 'MY',
      fo: 'MZXQ',
      foo: 'MZXW6',
      foob: 'MZXW6YQ',
      fooba: 'MZXW6YTB',
      foobar: 'MZXW6YTBOI',
    }
    for (const [plain, coded] of Object.entries(vectors)) expect(base32(Buffer.from(plain))).toBe(coded)
    expect(totpUri(SECRET, 'pds.example.com', 'anna & co')).toBe(
      'otpauth://totp/pds.example.com:anna%20%26%20co?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=pds.example.com&algorithm=SHA1&digits=6&period=30',
    )
  })
})

describe('a sealed secret', () => {
  const seal = createSeal('a secret of the server')

  test('opens for whom it was sealed, by the same server', () => {
    const sealed = seal.seal(SECRET, 'anna')
    expect(Buffer.from(sealed).includes(SECRET)).toBe(false)
    expect(seal.seal(SECRET, 'anna')).not.toEqual(sealed)
    expect(createSeal('a secret of the server').open(sealed, 'anna')).toEqual(new Uint8Array(SECRET))
    expect(seal.open(sealed, 'bob')).toBeNull()
    expect(createSeal('another secret').open(sealed, 'anna')).toBeNull()
  })

  test('opens no more when a bit of it is changed, or a byte is missing', () => {
    const sealed = seal.seal(SECRET, 'anna')
    for (let at = 0; at < sealed.length; at++) {
      const changed = new Uint8Array(sealed)
      changed[at]! ^= 1
      expect(seal.open(changed, 'anna')).toBeNull()
    }
    for (const length of [0, 1, 28, 29, sealed.length - 1]) {
      expect(seal.open(sealed.subarray(0, length), 'anna')).toBeNull()
    }
  })
})

describe('what people type', () => {
  test('is a code of one kind, with any spaces, hyphens and case', () => {
    expect(readCode(' 123 456 ')).toEqual({ kind: 'totp', text: '123456' })
    expect(readCode('123-456')).toEqual({ kind: 'totp', text: '123456' })
    expect(readCode('abcde-23456')).toEqual({ kind: 'email', text: 'ABCDE-23456' })
    expect(readCode('abcde23456')).toEqual({ kind: 'email', text: 'ABCDE-23456' })
    expect(readCode('ABCD-efgh-2345-MNOP')).toEqual({ kind: 'recovery', text: 'abcdefgh2345mnop' })
  })

  test('is none of another form or length', () => {
    const odd = [
      '',
      '12345',
      '1234567',
      '١٢٣٤٥٦',
      'abcd-efgh-2345-mnop-q',
      'abcd-efgh-2345-mno1',
      'abcde-2345é',
      '123456\0',
    ]
    for (const typed of odd) expect(readCode(typed)).toBeNull()
    expect(readCode(`123456${' '.repeat(58)}`)).toEqual({ kind: 'totp', text: '123456' })
    expect(readCode(`123456${' '.repeat(59)}`)).toBeNull()
  })

  test('is a recovery code, of which there are ten, unlike each other', () => {
    const codes = makeRecoveryCodes()
    expect(codes).toHaveLength(10)
    expect(new Set(codes).size).toBe(10)
    for (const code of codes) expect(code).toMatch(/^[a-z2-7]{4}(-[a-z2-7]{4}){3}$/)
    expect(recoveryHash('abcdefgh2345mnop')).toMatch(/^[0-9a-f]{64}$/)
  })
})
