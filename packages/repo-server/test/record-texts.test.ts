import { expect, it } from 'vitest'

import { createRecordTexts } from '../src/record-texts.ts'

it('keeps texts up to its limit: what nobody asks for goes first', () => {
  const texts = createRecordTexts(10_000)
  // An entry counts 200 + 100; a generation ends above 5000, with the 17th.
  const text = 'x'.repeat(100)
  texts.set('asked for', text)
  for (let i = 1; i < 17; i++) texts.set(`first ${i}`, text)
  expect(texts.get('first 1')).toBe(text)
  expect(texts.get('asked for')).toBe(text)
  for (let i = 0; i < 15; i++) texts.set(`second ${i}`, text)
  for (let i = 0; i < 14; i++) texts.set(`third ${i}`, text)
  expect(texts.get('first 2')).toBeUndefined()
  expect(texts.get('asked for')).toBe(text)
  expect(texts.get('third 13')).toBe(text)
})

it('keeps a text of a 64th of its limit, and none longer', () => {
  const texts = createRecordTexts(6400)
  texts.set('at', 'x'.repeat(100))
  texts.set('over', 'x'.repeat(101))
  expect(texts.get('at')).toBe('x'.repeat(100))
  expect(texts.get('over')).toBeUndefined()
})
