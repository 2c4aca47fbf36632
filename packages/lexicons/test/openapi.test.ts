import { openApiDocument } from '@avocet/lexicon/openapi'
import { expect, it } from 'vitest'
import { documents } from '../generated/catalog.js'

it('every method is in the OpenAPI document of all, and every reference leads somewhere', () => {
  const found = openApiDocument([...documents], { title: 'Test', version: '1' }) as any
  expect(Object.keys(found.paths).length).toBeGreaterThan(200)
  const text = JSON.stringify(found)
  const refs = text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g).map(([, name]) => name!)
  const names = new Set(refs)
  expect(names.size).toBeGreaterThan(200)
  for (const name of names) expect(Object.hasOwn(found.components.schemas, name), name).toBe(true)
})
